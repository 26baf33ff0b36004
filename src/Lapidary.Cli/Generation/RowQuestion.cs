using Lapidary.Cli.Models;
using Lapidary.Cli.Runs;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.Training;
using Lapidary.Training.Data.Examples;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Cli.Generation;

/// <summary>A row of a data set as a question for generate.</summary>
/// <param name="Record">The row as its file has it.</param>
/// <param name="PromptIds">Ids to continue; null if the row is invalid.</param>
/// <param name="Error">One line that says why; null if the row is valid.</param>
internal sealed record RowQuestion(DataRecord Record, int[]? PromptIds, string? Error)
{
    /// <summary>The form that the answer must have; null for any text.</summary>
    public ITextForm? Form { get; init; }

    /// <summary>Reads all rows of data sets. An error in a single row is stored with the row.</summary>
    /// <param name="sources">The data sets.</param>
    /// <param name="text">Tokenizer and template, or null for token ids.</param>
    /// <param name="config">The model's vocabulary and context.</param>
    /// <exception cref="LapidaryException">A file cannot be read to its end.</exception>
    public static IReadOnlyList<RowQuestion> Read(IReadOnlyList<NamedData> sources, TextTools? text, GemmaConfig config)
    {
        var questions = new List<RowQuestion>();
        foreach (var source in sources)
        {
            var records = new RecordReader(source.Options);
            foreach (var file in NamedData.RecordsOf(source.Source?.FetchRows(), records))
            {
                var reader = new RowReader(source.Options);
                foreach (var record in file) questions.Add(Of(record, reader, source.Options, text, config));
            }
        }

        return questions;
    }

    /// <summary>A row as a question. An error is stored with it.</summary>
    /// <param name="record">The row.</param>
    /// <param name="reader">Reads rows of these options.</param>
    /// <param name="options">How columns become rows.</param>
    /// <param name="text">Tokenizer and template, or null for token ids.</param>
    /// <param name="config">The model's vocabulary and context.</param>
    public static RowQuestion Of(DataRecord record, RowReader reader, DataSetOptions options, TextTools? text, GemmaConfig config)
    {
        try
        {
            int[] ids = Ids(record, reader, options, text);
            return Problem(ids, config) is { } problem ? throw record.Origin.Error(problem) : new(record, ids, Error: null);
        }
        catch (LapidaryException e)
        {
            return new(record, PromptIds: null, e.Message);
        }
    }

    /// <summary>Why a prompt cannot be continued; null if it can.</summary>
    private static string? Problem(int[] ids, GemmaConfig config)
    {
        if (ids.Length == 0) return "expected at least one token, found none.";
        if (ContextRoom.After(config, ids.Length) <= 0)
        {
            return $"the prompt has {ids.Length} tokens, expected fewer than the model's context of {config.MaxPositionEmbeddings}; "
                + "shorten it.";
        }

        int at = Array.FindIndex(ids, id => (uint)id >= (uint)config.VocabSize);
        return at < 0 ? null : $"expected ids from 0 to {config.VocabSize - 1}, found {ids[at]} at index {at}.";
    }

    private static int[] Ids(DataRecord record, RowReader reader, DataSetOptions options, TextTools? text)
    {
        // The answer is to be generated: a row need not have one.
        if (options.Template is { } template)
            return Tools(text).Template.Encode(text!.Tokenizer, template.Format(record, withAnswer: false), addGenerationPrompt: true);
        string prompt = options.PromptColumn ?? "prompt";
        bool isPrompt = options.Kind is null && options.MessagesColumn is null && options.TextColumn is null
            && (options.PromptColumn is not null || !HasAny(record, "input_ids", "messages", "conversations"))
            && record.Columns.ContainsKey(prompt);
        if (isPrompt && record.Columns[prompt] is string before) return Tools(text).Tokenizer.EncodePrompt(before);
        var row = isPrompt
            ? new RowReader(options with { PromptColumn = null, MessagesColumn = prompt }).Read(record)
            : reader.Read(record);
        return RowPrompt.Ids(row, () => Tools(text).Tokenizer, () => Tools(text).Template);
    }

    private static TextTools Tools(TextTools? text) => text ?? throw TextTools.NoTokenizer();

    private static bool HasAny(DataRecord record, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
            if (record.Columns.GetValueOrDefault(name) is not (null or "")) return true;
        return false;
    }
}
