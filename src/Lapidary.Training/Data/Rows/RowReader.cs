using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Rows;

/// <summary>Interprets a file's records. The first record decides the kind, and all others must match it.</summary>
internal sealed class RowReader(DataSetOptions options)
{
    private const string Conversations = "conversations", System = "system";

    // Names of other data sets, the most telling first.
    private static readonly string[] PromptNames = ["prompt", "question", "instruction", "input", "query"];

    private static readonly string[] CompletionNames = ["completion", "answer", "output", "response"];

    private RowKind? _kind = options.Kind;
    private string? _messages = options.MessagesColumn;

    private string Prompt => options.PromptColumn ?? "prompt";

    private string Completion => options.CompletionColumn ?? "completion";

    private string Text => options.TextColumn ?? "text";

    public DataRow Read(DataRecord record)
    {
        if (options.Template is { } template)
        {
            return new MessagesRow(template.Format(record))
            {
                TemplateVariables = template.MessagesColumn is null ? null : TemplateVariables.Read(record),
                Origin = record.Origin,
            };
        }

        _kind ??= ChooseKind(record);
        switch (_kind)
        {
            case RowKind.Messages:
                _messages ??= Has(record, "messages") || !Has(record, Conversations) ? "messages" : Conversations;
                return new MessagesRow(Messages(record, _messages, JsonColumn.Read(record, _messages)))
                {
                    TemplateVariables = TemplateVariables.Read(record),
                    Origin = record.Origin,
                };
            case RowKind.PromptCompletion:
                return ReadPromptCompletion(record);
            case RowKind.Text:
                return new TextRow(record.Text(Text)) { Origin = record.Origin };
            default:
                return TokenColumns.Read(record);
        }
    }

    /// <summary>The content of the record's columns. A column that is empty in this record decides only if no other column does.</summary>
    private RowKind ChooseKind(DataRecord record)
    {
        if (options.MessagesColumn is not null) return RowKind.Messages;
        if (options.PromptColumn is not null || options.CompletionColumn is not null) return RowKind.PromptCompletion;
        if (options.TextColumn is not null) return RowKind.Text;
        return KindOf(name => Has(record, name)) ?? KindOf(record.Columns.ContainsKey) ?? throw Unknown(record);
    }

    // The quotes say that input_ids is a column here, and no option.
    private static LapidaryException Unknown(DataRecord record) => RowTemplate.Like(record.Columns.ContainsKey) is { } name
        ? record.Origin.Error(
            $"expected columns messages, conversations, prompt and completion, text, or \"input_ids\", found {record.ColumnList()}, "
            + $"which looks like {name}: set Template to {name}.")
        : Pair(record) is var (prompt, completion)
        ? record.Origin.Error(
            $"expected columns such as prompt and completion, found {record.ColumnList()}; "
            + $"set PromptColumn to {prompt} and CompletionColumn to {completion}.")
        : record.Origin.Error(
            $"expected columns messages, conversations, prompt and completion, text, or \"input_ids\", found {record.ColumnList()}; "
            + $"name yours with PromptColumn and CompletionColumn, MessagesColumn or TextColumn, or give a template.");

    /// <summary>Two columns whose names say which is the prompt and which the completion; null for none.</summary>
    private static (string Prompt, string Completion)? Pair(DataRecord record)
    {
        string? Find(string[] names) => names
            .Select(name => record.Columns.Keys.FirstOrDefault(column => column.Equals(name, StringComparison.OrdinalIgnoreCase)))
            .OfType<string>().FirstOrDefault();

        return (Find(PromptNames), Find(CompletionNames)) is ({ } prompt, { } completion) ? (prompt, completion) : null;
    }

    private static RowKind? KindOf(Func<string, bool> has) =>
        has("input_ids") ? RowKind.Tokens
        : has("messages") || has("conversations") ? RowKind.Messages
        : has("prompt") && has("completion") ? RowKind.PromptCompletion
        : has("text") ? RowKind.Text
        : null;

    private static bool Has(DataRecord record, string column) =>
        record.Columns.TryGetValue(column, out object? value) && value is not (null or "");

    private DataRow ReadPromptCompletion(DataRecord record)
    {
        object? prompt = record.Column(Prompt), completion = record.Column(Completion);
        return (prompt, completion) switch
        {
            (string before, string after) => new PromptCompletionRow(before, after) { Origin = record.Origin },
            (object?[], object?[]) => new ConversationalPromptRow(
                Messages(record, Prompt, prompt), Messages(record, Completion, completion))
            {
                TemplateVariables = TemplateVariables.Read(record),
                Origin = record.Origin,
            },
            _ => throw record.Origin.Error(
                $"expected \"{Prompt}\" and \"{Completion}\" to be two strings or two lists of messages, found " +
                $"{DataRecord.Describe(prompt)} and {DataRecord.Describe(completion)}."),
        };
    }

    internal static List<ChatTurn> Messages(DataRecord record, string column, object? value)
    {
        if (value is not object?[] { Length: > 0 } list)
            throw record.Origin.Error($"expected a list of messages in \"{column}\", found {DataRecord.Describe(value)}.");
        var messages = new MessageReader(
            (number, wrong) => record.Origin.Error($"\"{column}\" message {number}{Role(list[number - 1])}: {wrong}")).Read(list);
        if (column == Conversations && messages[0].Role != System
            && record.Columns.GetValueOrDefault(System) is string { Length: > 0 } text)
            messages.Insert(0, new ChatTurn(System, text)); // sets of ShareGPT's kind have it in a column of its own
        return messages;
    }

    /// <summary>Names a message, including its role if it has one.</summary>
    private static string Role(object? message)
    {
        var fields = message as IReadOnlyDictionary<string, object?>;
        return (fields?.GetValueOrDefault("role") ?? fields?.GetValueOrDefault("from")) is string role
            ? $" (\"{FileErrors.OneLine(role)}\")"
            : "";
    }
}
