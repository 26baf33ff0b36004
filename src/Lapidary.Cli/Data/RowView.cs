using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Cli.Runs;
using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Training;
using Lapidary.Training.Data;
using Lapidary.Training.Data.Examples;
using Lapidary.Training.Data.Writing;

namespace Lapidary.Cli.Data;

/// <summary>data inspect --row: a row's columns, its messages, and its tokens with those that are trained.</summary>
internal static class RowView
{
    private const int PlainWidth = 120;

    private const string NoContent = "(no content)";

    public static void Show(CommandRun run, ReadRow row, RowReading reading, int number, ITextEncoder? encoder, SftConfig config)
    {
        var example = row.Row is { } read && encoder is not null
            ? Cut(InspectCommand.TokenizerOf(read, encoder, config).Tokenize(read).Example, config.MaxLength)
            : null;
        run.Print(
            json => Write(json, row, number, example, config.MaxLength),
            text =>
            {
                text.WriteLine($"row        {number}: {row.Record.Origin}");
                WriteColumns(text, row);
                if (row.Error is { } error) text.WriteLine($"invalid    {run.Line(error)}");
                if (reading.GuessedTemplate is { } template) text.WriteLine($"template   {template}, which the columns fit");
                if (row.Row is not null) WriteMessages(text, row.Row);
                if (example is not null) WriteTokens(run, text, example, encoder, config.MaxLength);
            });
    }

    /// <summary>The example with all its tokens, of which those beyond the limit are not trained.</summary>
    private static Example? Cut(Example? example, int? maxLength)
    {
        if (example is null || maxLength is not { } length || example.Labels.Length <= length) return example;
        int[] labels = [.. example.Labels];
        labels.AsSpan(length).Fill(Label.None);
        return example with { Labels = labels };
    }

    private static void WriteColumns(TextWriter text, ReadRow row)
    {
        text.WriteLine("columns");
        foreach (var (name, value) in row.Record.Columns)
        {
            string shown = value switch
            {
                null => "null",
                string words => PlainText.WithoutControls(words),
                _ => RowFile.ToJson(value),
            };
            text.WriteLine($"  {PlainText.OneLine(name)}: {shown.Replace("\n", "\n    ", StringComparison.Ordinal)}");
        }
    }

    private static void WriteMessages(TextWriter text, DataRow row)
    {
        foreach (var (role, content) in Parts(row))
        {
            text.WriteLine($"{role}");
            string shown = PlainText.WithoutControls(content ?? NoContent).TrimEnd('\n');
            text.WriteLine($"  {shown.Replace("\n", "\n  ", StringComparison.Ordinal)}");
        }
    }

    private static IEnumerable<(string Role, string? Content)> Parts(DataRow row) => row switch
    {
        MessagesRow messages => messages.Messages.Select(Part),
        ConversationalPromptRow pair => pair.Prompt.Concat(pair.Completion).Select(Part),
        PromptCompletionRow pair => [("prompt", pair.Prompt), ("completion", pair.Completion)],
        TextRow text => [("text", text.Text)],
        _ => [],
    };

    private static (string Role, string? Content) Part(ChatTurn turn)
    {
        IEnumerable<string?>? parts = turn.Parts?.Select(part => part.Text)
            ?? (turn.Fields?.GetValueOrDefault("content") as IEnumerable<object?>)?.Select(TextOf);
        return (PlainText.OneLine(turn.Role), turn.Content ?? (parts is null ? null : string.Concat(parts)));
    }

    private static string? TextOf(object? part) => (part as IReadOnlyDictionary<string, object?>)?.GetValueOrDefault("text") as string;

    private static void WriteTokens(CommandRun run, TextWriter text, Example example, ITextEncoder? encoder, int? maxLength)
    {
        var tokens = TokenPreview.Create(example, encoder);
        var screen = run.Terminal.ScreenOf(run.IsJson);
        bool hasColour = screen?.HasColour ?? false;
        string cut = tokens.Count > maxLength ? $", {tokens.Count - maxLength} beyond --max-length {maxLength}" : "";
        string marks = hasColour ? "green and bold" : "in [brackets]";
        text.WriteLine($"tokens     {tokens.Count}, {example.TrainedTokens} trained{cut}; trained ones are {marks}, ↵ is a line end");
        int kept = Math.Min(tokens.Count, maxLength ?? int.MaxValue), width = screen?.Width ?? PlainWidth;
        text.Write(DataPreview.Text([.. tokens.Take(kept)], width, hasColour, int.MaxValue));
        if (kept == tokens.Count) return;
        text.WriteLine($"cut        at --max-length {maxLength}; what follows is not trained");
        text.Write(DataPreview.Text([.. tokens.Skip(kept)], width, hasColour, int.MaxValue));
    }

    private static void Write(Utf8JsonWriter json, ReadRow row, int number, Example? example, int? maxLength)
    {
        json.WriteNumber("row", number);
        json.WriteString("place", row.Record.Origin.ToString());
        json.WritePropertyName("columns");
        ColumnJson.Write(json, row.Record.Columns);
        if (row.Error is { } error) json.WriteString("error", error);
        if (row.Row is { } read && Parts(read).ToList() is { Count: > 0 } parts)
        {
            json.WriteStartArray("messages");
            foreach (var (role, content) in parts)
            {
                json.WriteStartObject();
                json.WriteString("role", role);
                json.WriteString("content", content);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        if (example is null) return;
        json.WriteNumbers("input_ids", example.InputIds);
        json.WriteNumbers("labels", example.Labels);
        json.WriteNumber("trained_tokens", example.TrainedTokens);
        if (maxLength is { } length) json.WriteNumber("truncated_tokens", Math.Max(0, example.InputIds.Length - length));
    }
}
