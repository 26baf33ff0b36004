using Lapidary.Cli.CommandLine;
using Lapidary.Formats.Files;
using Lapidary.TextToSql;

namespace Lapidary.Cli.Asking;

/// <summary>The file that :export writes. No shell has looked at its name.</summary>
internal static class ExportFile
{
    /// <summary>A typed name as a path: without quotes around it, and with the home folder in place of ~.</summary>
    public static string PathOf(string typed)
    {
        bool isQuoted = typed.Length > 1 && typed[0] is '"' or '\'' && typed[^1] == typed[0];
        if (isQuoted) return typed[1..^1];
        return typed == "~" || typed.StartsWith("~/", StringComparison.Ordinal)
            ? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + typed[1..] : typed;
    }

    /// <summary>Writes rows as CSV.</summary>
    /// <param name="path">The file; its folder must be there.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="replace">Whether a file of that name may be replaced.</param>
    /// <param name="hint">How to replace one.</param>
    /// <exception cref="Formats.LapidaryException">The file cannot be written, or is there already.</exception>
    public static void Write(string path, SqlResult rows, bool replace, string hint)
    {
        if (Directory.Exists(path)) throw new ToolException($"{path}: is a folder; name a file in it.");
        AtomicFile.RequireOrdinary(path);
        if (!replace && Path.Exists(path)) throw new ToolException($"{path}: is there already; choose another name, or {hint}.");
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder)) throw new ToolException($"{path}: there is no folder {folder}; make it, or name another one.");
        AtomicFile.WriteAllText(path, RowText.Csv(rows));
    }
}
