using System.Text;

namespace Lapidary.TextToSql.Asking;

/// <summary>How much a table or column seems to matter to a question: by the words that their names share with it.</summary>
internal sealed class Relevance
{
    private const int OfTableName = 5;

    private readonly HashSet<string> _words;

    public Relevance(string question) => _words = [.. Words(question)];

    /// <summary>Larger for more words of the table's and its columns' names.</summary>
    public int Of(AskedTable table) => (OfTableName * Of(table.Name)) + table.Columns.Count(column => Of(column.Name) > 0);

    /// <summary>Number of words of a name that are in the question.</summary>
    public int Of(string name) => Words(name).Count(_words.Contains);

    /// <summary>Words of a text or of a name like "unit_price" or "UnitPrice", without the s of a plural.</summary>
    private static IEnumerable<string> Words(string text)
    {
        var word = new StringBuilder();
        for (int i = 0; i <= text.Length; i++)
        {
            bool isLetter = i < text.Length && char.IsLetterOrDigit(text[i]);
            bool isNew = isLetter && i > 0 && char.IsUpper(text[i]) && char.IsLower(text[i - 1]);
            if ((!isLetter || isNew) && word.Length > 0)
            {
                string found = word.ToString();
                yield return found.Length > 3 && found.EndsWith('s') ? found[..^1] : found;
                word.Clear();
            }

            if (isLetter) word.Append(char.ToLowerInvariant(text[i]));
        }
    }
}
