using System.Globalization;
using System.Text;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Training.Data;

/// <summary>One token of an example, for people.</summary>
/// <param name="Index">Position in the example.</param>
/// <param name="Id">Token id.</param>
/// <param name="Text">Its text.</param>
/// <param name="IsTrained">Whether its prediction is trained.</param>
internal readonly record struct TokenPreview(int Index, int Id, string Text, bool IsTrained)
{
    /// <summary>The tokens of an example.</summary>
    /// <param name="example">The example.</param>
    /// <param name="encoder">Provides the tokens' texts; null leaves them empty.</param>
    public static IReadOnlyList<TokenPreview> Create(Example example, ITextEncoder? encoder) => [.. example.InputIds.Select((id, i) =>
        new TokenPreview(i, id, encoder?.TokenText(id) ?? "", i > 0 && example.Labels[i] != Label.None))];

    /// <summary>A table with one line per token: index, id, whether it is trained, and the text with control characters escaped. A line
    /// stands for tokens that are left out.</summary>
    public static string Table(IEnumerable<TokenPreview> tokens)
    {
        var table = new StringBuilder();
        table.AppendLine(CultureInfo.InvariantCulture, $"{"index",6}  {"id",7}  trained  text");
        int next = 0;
        foreach (var (index, id, text, isTrained) in tokens)
        {
            if (index > next) table.AppendLine(CultureInfo.InvariantCulture, $"{"…",6}  {Amount.Of(index - next, "token")}");
            table.AppendLine(CultureInfo.InvariantCulture, $"{index,6}  {id,7}  {(isTrained ? "yes" : "no"),-7}  {Escape(text)}");
            next = index + 1;
        }

        return table.ToString();
    }

    private static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (c == '\n') escaped.Append("\\n");
            else if (char.IsControl(c)) escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else escaped.Append(c);
        }

        return escaped.ToString();
    }
}
