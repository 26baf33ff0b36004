using Lapidary.Training.Configuration;
using Lapidary.Training.Data.Storage;

namespace Lapidary.Training.Data.Examples;

/// <summary>Tokenized rows, reused from an earlier run with the same rows, tokenizer, chat template and options.</summary>
/// <param name="Set">The examples.</param>
/// <param name="FirstRow">The data set's first row.</param>
/// <param name="IsKept">Whether an earlier run tokenized them.</param>
/// <param name="Note">A problem with the stored tokens, or why none are stored; null if all is well.</param>
internal sealed record ExampleCache(ExampleSet Set, DataRow? FirstRow, bool IsKept, string? Note)
{
    private const string Format = "lapidary-tokens-2";

    /// <summary>Tokenizes a data set, or finds its stored tokens.</summary>
    /// <exception cref="Formats.LapidaryException">A row does not fit the options or the template.</exception>
    public static ExampleCache Get(DataSet data, ITextEncoder? encoder, int vocabularySize, ExampleOptions options)
    {
        var builder = new ExampleBuilder(encoder, vocabularySize, options);
        if (CacheFolder.Of(data.Options.CacheDir) is not { } cache || KeyOf(data, encoder, vocabularySize, options) is not { } key)
            return new(builder.Build(data), data.Count > 0 ? data.Rows[0] : null, IsKept: false, Note: null);
        if (Find(out string? damaged) is { } kept) return kept;

        // If several processes start together, like the ranks of a run, only one tokenizes.
        using var turn = cache.TakeTurn(key);
        if (Find(out _) is { } others) return others;
        var set = builder.Build(data);
        var first = data.Rows[0];
        string? reason = cache.TryWrite(
            key + CacheFolder.Tokens, ExampleFile.LengthOf(set), stream => ExampleFile.Write(stream, key, set, data.Count, first));
        return new(set, first, IsKept: false, reason is null ? damaged : $"The tokens of the rows are not kept for later runs: {reason}");

        ExampleCache? Find(out string? damaged)
        {
            damaged = null;
            var file = cache.TryOpen(key + CacheFolder.Tokens);
            if (file is null) return null;
            var found = ExampleFile.TryRead(file, key, vocabularySize, data.Options.Limits.MemoryBytes);
            if (found is not var (set, first) || !set.Bytes.IsSpilled) file.Dispose();
            if (found is var (keptSet, keptRow)) return new(keptSet, keptRow, IsKept: true, Note: null);
            damaged = $"{file.Name}: is damaged; the rows were tokenized anew.";
            return null;
        }
    }

    /// <summary>Hash of everything that decides the tokens; null if it is unknown or the rows are too few to be stored.</summary>
    private static string? KeyOf(DataSet data, ITextEncoder? encoder, int vocabularySize, ExampleOptions options)
    {
        if (data.Count == 0 || data.ContentBytes < data.Options.Limits.CachedBytes) return null;
        string? identity = encoder is null ? "none" : encoder.Identity;
        return identity is null || data.ContentHash() is not { } rows
            ? null
            : HashText.Of([Format, CodeVersion.OfTokens, rows, identity, $"{vocabularySize}", $"{options}"]);
    }
}
