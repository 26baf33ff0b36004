using System.Text;
using System.Text.Json;
using Lapidary.Gemma;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Rows;

/// <summary>Gives a file's records their meaning. The first record decides the kind, and the others must be like it.</summary>
internal sealed class RowReader(DataSetOptions options)
{
    private RowKind? _kind = options.Kind;
    private string? _messages = options.MessagesColumn;

    private string Prompt => options.PromptColumn ?? "prompt";

    private string Completion => options.CompletionColumn ?? "completion";

    private string Text => options.TextColumn ?? "text";

    public DataRow Read(DataRecord record)
    {
        if (options.Template is { } template) return new MessagesRow(template.Format(record)) { Origin = record.Origin };
        _kind ??= ChooseKind(record);
        switch (_kind)
        {
            case RowKind.Messages:
                _messages ??= MessagesColumn(record.Columns);
                return new MessagesRow(Messages(WithJson(record, _messages), _messages)) { Origin = record.Origin };
            case RowKind.PromptCompletion:
                return ReadPromptCompletion(record);
            case RowKind.Text:
                return new TextRow(record.Text(Text)) { Origin = record.Origin };
            default:
                return ReadTokens(WithJson(record, "input_ids", "labels"));
        }
    }

    private RowKind ChooseKind(DataRecord record)
    {
        if (options.MessagesColumn is not null) return RowKind.Messages;
        if (options.PromptColumn is not null || options.CompletionColumn is not null) return RowKind.PromptCompletion;
        if (options.TextColumn is not null) return RowKind.Text;
        var columns = record.Columns;
        if (columns.ContainsKey("input_ids")) return RowKind.Tokens;
        if (columns.ContainsKey("messages") || columns.ContainsKey("conversations")) return RowKind.Messages;
        if (columns.ContainsKey("prompt") && columns.ContainsKey("completion")) return RowKind.PromptCompletion;
        if (columns.ContainsKey("text")) return RowKind.Text;
        throw record.Origin.Error(
            $"expected columns messages, conversations, prompt and completion, text, or input_ids, found {record.ColumnList()}; " +
            "give a template or name the columns.");
    }

    private DataRow ReadPromptCompletion(DataRecord record)
    {
        object? prompt = record.Column(Prompt), completion = record.Column(Completion);
        return (prompt, completion) switch
        {
            (string before, string after) => new PromptCompletionRow(before, after) { Origin = record.Origin },
            (object?[], object?[]) => new ConversationalPromptRow(Messages(record, Prompt), Messages(record, Completion))
            {
                Origin = record.Origin,
            },
            _ => throw record.Origin.Error(
                $"expected \"{Prompt}\" and \"{Completion}\" to be two strings or two lists of messages, found " +
                $"{DataRecord.Describe(prompt)} and {DataRecord.Describe(completion)}."),
        };
    }

    private static TokensRow ReadTokens(DataRecord record)
    {
        int[] ids = Integers(record, "input_ids");
        int[]? labels = record.Columns.GetValueOrDefault("labels") is null ? null : Integers(record, "labels");
        if (labels is not null && labels.Length != ids.Length)
            throw record.Origin.Error($"expected as many labels as input_ids, found {labels.Length} and {ids.Length}.");
        return new(ids, labels) { Origin = record.Origin };
    }

    private static string MessagesColumn(IReadOnlyDictionary<string, object?> columns) =>
        columns.ContainsKey("messages") || !columns.ContainsKey("conversations") ? "messages" : "conversations";

    private static List<ChatTurn> Messages(DataRecord record, string column)
    {
        object? value = record.Column(column);
        if (value is not object?[] { Length: > 0 } list)
            throw record.Origin.Error($"expected a list of messages in \"{column}\", found {DataRecord.Describe(value)}.");
        return new MessageReader((number, _, wrong) => record.Origin.Error($"\"{column}\" message {number}: {wrong}")).Read(list);
    }

    private static int[] Integers(DataRecord record, string column)
    {
        object? value = record.Column(column);
        if (value is object?[] { Length: 0 }) return [];
        if (value is not long[] numbers)
            throw record.Origin.Error($"expected a list of integers in \"{column}\", found {DataRecord.Describe(value)}.");
        int[] integers = new int[numbers.Length];
        for (int i = 0; i < integers.Length; i++)
        {
            if (numbers[i] is < int.MinValue or > int.MaxValue)
                throw record.Origin.Error($"expected token ids in \"{column}\", found {numbers[i]} at index {i}.");
            integers[i] = (int)numbers[i];
        }

        return integers;
    }

    /// <summary>Tables of strings (CSV, some Parquet files) hold lists as JSON text; those columns are parsed here.</summary>
    private static DataRecord WithJson(DataRecord record, params ReadOnlySpan<string> columns)
    {
        foreach (string column in columns)
        {
            if (record.Columns.GetValueOrDefault(column) is not string json) continue;
            try
            {
                var parsed = new Dictionary<string, object?>(record.Columns, StringComparer.Ordinal)
                {
                    [column] = json.Length == 0 ? null : JsonValue.Parse(Encoding.UTF8.GetBytes(json)),
                };
                record = record with { Columns = parsed };
            }
            catch (JsonException error)
            {
                throw record.Origin.Error(
                    $"expected a list (or its JSON text) in \"{column}\", found a string that is not JSON: {error.Message}.", error);
            }
        }

        return record;
    }
}
