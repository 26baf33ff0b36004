using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Training;

/// <summary>Makes a conversation out of any columns: one template each for the system, user and assistant message.</summary>
/// <param name="System">The system message, or null for none.</param>
/// <param name="User">The user's message.</param>
/// <param name="Assistant">The answer to learn.</param>
public sealed partial record RowTemplate(PromptTemplate? System, PromptTemplate User, PromptTemplate Assistant)
{
    private const long MaxBytes = 1 << 20;

    /// <summary>Finds a built-in template by name, or reads a JSON file {"system": "…", "user": "…", "assistant": "…"} (system is
    /// optional).</summary>
    /// <exception cref="LapidaryException">The name or file does not exist, or the file has another form.</exception>
    public static RowTemplate Load(string nameOrFile)
    {
        if (BuiltIn.TryGetValue(nameOrFile, out var builtIn)) return builtIn;
        if (!File.Exists(nameOrFile))
        {
            string hint = NearestName.Of(nameOrFile, BuiltIn.Keys) is { } near ? $"did you mean {near}?" : "check the name.";
            throw new LapidaryException($"Template {nameOrFile}: expected {Names} or a JSON file, found neither; {hint}");
        }

        return Parse(InputFile.ReadAllBytes(nameOrFile, MaxBytes, "a template"), nameOrFile);
    }

    /// <summary>The messages of one row.</summary>
    /// <param name="columns">Values by column.</param>
    /// <param name="withAnswer">False leaves out the assistant's message, for a prompt.</param>
    /// <exception cref="LapidaryException">A column is missing.</exception>
    public IReadOnlyList<ChatTurn> Format(IReadOnlyDictionary<string, object?> columns, bool withAnswer = true) =>
        Format(new DataRecord(new("values", "row", 1), columns), withAnswer);

    internal List<ChatTurn> Format(DataRecord record, bool withAnswer = true)
    {
        if (MessagesColumn is not null)
        {
            var turns = RowReader.Messages(record, MessagesColumn, JsonColumn.Read(record, MessagesColumn));
            if (!withAnswer && turns is [_, .., { IsAssistant: true }]) turns.RemoveAt(turns.Count - 1);
            return turns;
        }

        List<ChatTurn> messages = [];

        // The chat template would still treat an empty system message as one.
        if (System?.Format(record) is { Length: > 0 } system) messages.Add(new("system", system));
        messages.Add(new("user", User.Format(record)));
        if (withAnswer) messages.Add(new("assistant", Assistant.Format(record)));
        return messages;
    }

    private static RowTemplate Parse(byte[] json, string file)
    {
        const string Expected = "expected a JSON object with \"user\" and \"assistant\"";
        object? value;
        try
        {
            value = JsonValue.Parse(json);
        }
        catch (JsonFaultException error)
        {
            throw new LapidaryException($"{file}: {Expected}, found invalid JSON: {error.Fault}.", error);
        }

        if (value is not Dictionary<string, object?> texts)
            throw new LapidaryException($"{file}: {Expected}, found {DataRecord.Describe(value)}.");
        if (texts.Keys.FirstOrDefault(x => x is not ("system" or "user" or "assistant")) is { } unknown)
            throw new LapidaryException($"{file}: expected only \"system\", \"user\" and \"assistant\", found \"{unknown}\"; remove it.");
        return new(
            texts.ContainsKey("system") ? Template("system") : null, Template("user"), Template("assistant"));

        PromptTemplate Template(string role)
        {
            object? text = texts.GetValueOrDefault(role);
            return text is string template
                ? new(template, $"{file} \"{role}\"")
                : throw new LapidaryException($"{file}: expected a string as \"{role}\", found {DataRecord.Describe(text)}.");
        }
    }
}
