using System.Globalization;
using System.Text;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Screens;
using Lapidary.Formats;
using Lapidary.Training.Data;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Cli.Runs;

/// <summary>A preview of the training data: the tokens of the first row, which of them are trained, and warnings about the rows.</summary>
internal static class DataPreview
{
    private const int MaxDocuments = 3, MaxTokens = 600;

    /// <summary>Tokens in the table at the beginning and at the end of those that are trained, or not trained, in a row.</summary>
    private const int First = 8, Last = 4;

    /// <summary>Shows the tokens: as text on a screen, elsewhere as a table.</summary>
    /// <param name="run">The command.</param>
    /// <param name="data">The rows.</param>
    /// <param name="isAll">Whether every token is shown.</param>
    public static void Show(CommandRun run, TrainingData data, bool isAll)
    {
        if (run.Terminal.ScreenOf(run.IsJson) is { } screen)
        {
            ShowText(run.People, screen, data, isAll);
            return;
        }

        var tokens = TokenPreview.Create(data.First, data.Encoder);
        IReadOnlyList<TokenPreview> shown = isAll ? tokens : Ends(tokens);
        run.People.Write(TokenPreview.Table(shown));
        int hidden = tokens.Count - shown.Count;
        if (hidden > 0)
            run.People.WriteLine($"           {Amount.Of(tokens.Count, "token")} in the row, {hidden} not shown; --preview all shows them");
    }

    /// <summary>The tokens without those amid a long part of one kind.</summary>
    internal static IReadOnlyList<TokenPreview> Ends(IReadOnlyList<TokenPreview> tokens)
    {
        var shown = new List<TokenPreview>();
        for (int start = 0, end; start < tokens.Count; start = end)
        {
            for (end = start + 1; end < tokens.Count && tokens[end].IsTrained == tokens[start].IsTrained;) end++;
            bool isLong = end - start > First + Last + 1; // a line in place of a line is no gain
            shown.AddRange(tokens.Skip(start).Take(end - start).Where((_, i) => !isLong || i < First || i >= end - start - Last));
        }

        return shown;
    }

    /// <summary>Shows rows that are repeated, and rows that are cut.</summary>
    public static void ShowFaults(CommandRun run, TrainingData data)
    {
        var (count, first, original) = data.Duplicates;
        run.People.WriteLine(count == 0
            ? "duplicates none"
            : $"duplicates {Amount.Of(count, "row repeats", "rows repeat")} an earlier one; "
                + $"the first is row {first}, like row {original}");
        if (data.Report is { TruncatedRows: > 0 and var cut, FirstTruncatedRow: var firstCut })
            run.People.WriteLine($"cut        {Amount.Of(cut, "row")}; the first is row {firstCut}");
    }

    /// <summary>The documents of the first packed row, each under a line with its row number in the data set.</summary>
    private static void ShowText(TextWriter people, Screen screen, TrainingData data, bool isAll)
    {
        int mostDocuments = isAll ? int.MaxValue : MaxDocuments, mostTokens = isAll ? int.MaxValue : MaxTokens;
        var sequences = data.Train.Sequences;
        var reader = new ExampleReader(sequences.Set);
        int documents = sequences.DocumentsOf(0);
        people.WriteLine($"tokens     trained ones are {(screen.HasColour ? "green and bold" : "in [brackets]")}, ↵ is a line end");
        for (int i = 0; i < Math.Min(documents, mostDocuments); i++)
        {
            var document = sequences.Document(0, i);
            int[] ids = new int[document.Length], labels = new int[document.Length];
            reader.Read(document.Example, document.Start, ids, labels);
            var tokens = TokenPreview.Create(new Example(ids, labels), data.Encoder);
            string place = documents == 1 ? "" : $" (document {i + 1} of {documents} of a packed row)";
            people.WriteLine($"row {sequences.Set.RowOf(document.Example) + 1}: {Amount.Of(tokens.Count, "token")}, "
                + $"{tokens.Count(token => token.IsTrained)} trained{place}");
            people.Write(Text(tokens, screen.Width, screen.HasColour, mostTokens));
        }

        if (documents > mostDocuments)
            people.WriteLine($"… {Amount.Of(documents - mostDocuments, "document")} more in this packed row; --preview all shows them");
        people.WriteLine();
    }

    /// <summary>The tokens one after the other, wrapped to the columns of a screen.</summary>
    /// <param name="tokens">The tokens.</param>
    /// <param name="width">Columns.</param>
    /// <param name="hasColour">Whether colour marks trained tokens; otherwise brackets do.</param>
    /// <param name="most">Number of tokens to show.</param>
    internal static string Text(IReadOnlyList<TokenPreview> tokens, int width, bool hasColour, int most = MaxTokens)
    {
        var text = new StringBuilder();
        int used = 0, next;
        bool wasTrained = false;
        var shown = tokens.Take(most).Select(token => (Text: Shown(token), token.IsTrained)).ToArray();
        for (int first = 0; first < shown.Length; first = next)
        {
            for (next = first + 1; next < shown.Length && !StartsWord(shown[next - 1].Text, shown[next].Text);) next++;
            int needed = shown[first..next].Sum(token => LineLayout.Width(token.Text));
            if (used > 0 && used + needed >= width) NewRow();
            foreach (var (token, isTrained) in shown[first..next])
            {
                if (used > 0 && used + LineLayout.Width(token) >= width) NewRow(); // a word that is longer than a row
                if (!hasColour && isTrained != wasTrained) text.Append(isTrained ? '[' : ']');
                text.Append(hasColour ? Theme.Trained(token, isTrained) : token);
                used += LineLayout.Width(token) + (hasColour || isTrained == wasTrained ? 0 : 1);
                wasTrained = isTrained;
                if (token.EndsWith('↵')) NewRow();
            }
        }

        if (wasTrained && !hasColour) text.Append(']');
        if (tokens.Count > most) text.Append(CultureInfo.InvariantCulture, $" … {Amount.Of(tokens.Count - most, "token")} more");
        return text.Append('\n').ToString();

        void NewRow()
        {
            text.Append('\n');
            used = 0;
        }
    }

    /// <summary>Whether a line may break between two tokens.</summary>
    private static bool StartsWord(string before, string token) =>
        token.StartsWith(' ') || token.StartsWith('<') || before.EndsWith('↵') || before.EndsWith('>') || before.EndsWith(' ');

    private static string Shown(TokenPreview token)
    {
        if (token.Text.Length == 0) return $"{token.Id} ";
        return string.Concat(token.Text.Select(c => c switch
        {
            '\n' => "↵",
            '\t' => "\\t",
            _ when char.IsControl(c) => $"\\u{(int)c:x4}",
            _ => c.ToString(),
        }));
    }
}
