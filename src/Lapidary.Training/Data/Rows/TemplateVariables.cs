using Lapidary.Formats;
using Lapidary.Gemma.Text;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Rows;

/// <summary>The variables of a row for the chat template, besides its messages: columns tools and documents, and the names in
/// chat_template_kwargs. TRL and transformers pass them the same way.</summary>
internal static class TemplateVariables
{
    private const string Extra = "chat_template_kwargs";

    // Arguments of transformers' apply_chat_template that are not variables, or that a row has elsewhere.
    private static readonly string[] Reserved =
        ["messages", "conversation", "tools", "chat_template", "add_generation_prompt", "continue_final_message", "tokenize"];

    /// <summary>The variables by name; null if the row has none.</summary>
    public static IReadOnlyDictionary<string, object?>? Read(DataRecord record)
    {
        Dictionary<string, object?>? variables = null;
        foreach (string name in (ReadOnlySpan<string>)["tools", "documents"])
        {
            object? value = JsonColumn.ReadIfThere(record, name);
            if (value is null) continue;
            if (value is not object?[])
                throw record.Origin.Error($"expected a list (or its JSON text) in \"{name}\", found {DataRecord.Describe(value)}.");
            (variables ??= NewVariables())[name] = Value(record, name, value);
        }

        object? kwargs = JsonColumn.ReadIfThere(record, Extra);
        if (kwargs is null) return variables;
        if (kwargs is not IReadOnlyDictionary<string, object?> more)
            throw record.Origin.Error($"expected an object (or its JSON text) in \"{Extra}\", found {DataRecord.Describe(kwargs)}.");
        foreach (var (name, value) in more)
        {
            if (Reserved.Contains(name))
                throw record.Origin.Error($"expected variables of the chat template in \"{Extra}\", found \"{name}\"; remove it.");
            (variables ??= NewVariables())[name] = Value(record, Extra, value);
        }

        return variables;
    }

    private static Dictionary<string, object?> NewVariables() => new(StringComparer.Ordinal);

    private static object? Value(DataRecord record, string column, object? value)
    {
        try
        {
            return TemplateValue.From(value);
        }
        catch (LapidaryException error)
        {
            throw record.Origin.Error($"\"{column}\": {error.Message}", error);
        }
    }
}
