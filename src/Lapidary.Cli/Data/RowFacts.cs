using Lapidary.Formats;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Cli.Data;

/// <summary>What is counted of a row.</summary>
/// <param name="Whole">Identifies all of its columns.</param>
/// <param name="Texts">Its prompt and answer; null if unknown.</param>
/// <param name="Tokens">Number of its tokens; null without a tokenizer.</param>
/// <param name="Sql">Whether its SQL runs; null if it has none, or that is not tried.</param>
/// <param name="Error">Why the row is invalid; null if it is not.</param>
internal sealed record RowFacts(UInt128 Whole, RowHashes? Texts, int? Tokens, SqlTrial? Sql, string? Error)
{
    /// <summary>Examines a row; thread-safe.</summary>
    /// <param name="row">The row.</param>
    /// <param name="tokenizer">Counts tokens; null for no counts.</param>
    /// <param name="triesSql">Whether to run its SQL.</param>
    public static RowFacts Of(ReadRow row, RowTokenizer? tokenizer, bool triesSql)
    {
        var whole = RowTexts.Hash(RowFile.ToJson(row.Record.Columns));
        var sql = triesSql ? SqlTrial.Of(row.Record) : null;
        if (row.Row is null) return new(whole, null, null, sql, row.Error);
        var texts = RowTexts.Of(row.Row);
        var hashes = new RowHashes(texts.PromptHash, texts.LooseHash, texts.WholeHash, texts.Length);
        try
        {
            return new(whole, hashes, tokenizer?.Tokenize(row.Row).Example.InputIds.Length, sql, Error: null);
        }
        catch (LapidaryException error)
        {
            return new(whole, hashes, null, sql, error.Message);
        }
    }
}

/// <summary>Identities of a row's texts.</summary>
/// <param name="Prompt">Of the prompt.</param>
/// <param name="Loose">Of the prompt regardless of case, blanks and punctuation.</param>
/// <param name="Whole">Of prompt and answer.</param>
/// <param name="Characters">Length of both.</param>
internal readonly record struct RowHashes(UInt128 Prompt, UInt128 Loose, UInt128 Whole, int Characters);
