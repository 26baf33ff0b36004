using System.Text;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>Names for the tables and columns of imported files.</summary>
internal static class TableNames
{
    private const int MaxLength = 100;

    /// <summary>A table's name from a file's: letters, digits and "_", so that it needs no quotes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="taken">Names of other tables; the new one is added. SQLite ignores the case of ASCII letters.</param>
    public static string OfTable(string path, HashSet<string> taken)
    {
        var name = new StringBuilder();
        foreach (char c in FileKinds.Stem(path))
        {
            if (char.IsLetterOrDigit(c) || c == '_') name.Append(c);
            else if (name.Length > 0 && name[^1] != '_') name.Append('_');
        }

        string text = name.ToString().Trim('_');
        if (text.Length == 0 || char.IsDigit(text[0]) || SqlName.IsKeyword(text)
            || text.StartsWith("sqlite_", StringComparison.OrdinalIgnoreCase))
        {
            text = text.Length == 0 ? "data" : "t_" + text;
        }

        return Free(text[..Math.Min(text.Length, MaxLength)], taken);
    }

    /// <summary>Names of columns from a header: empty and repeated names become others.</summary>
    /// <param name="header">The header's fields.</param>
    /// <param name="changed">Numbers, from 1, of the columns whose names are not those of the header.</param>
    public static string[] OfColumns(IReadOnlyList<string> header, out IReadOnlyList<int> changed)
    {
        // A name that stands in the header belongs to its first column, whatever others are called.
        var taken = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var others = new List<int>();
        string[] names = new string[header.Count];
        for (int i = 0; i < names.Length; i++)
        {
            names[i] = string.Concat(header[i].Select(c => char.IsControl(c) ? ' ' : c)).Trim();
            if (names[i].Length == 0 || !taken.Add(names[i])) others.Add(i);
        }

        foreach (int i in others) names[i] = Free(names[i].Length == 0 ? $"column_{i + 1}" : names[i], taken);
        changed = others.ConvertAll(i => i + 1);
        return names;
    }

    private static string Free(string name, HashSet<string> taken)
    {
        string free = name;
        for (int number = 2; !taken.Add(free); number++) free = $"{name}_{number}";
        return free;
    }
}
