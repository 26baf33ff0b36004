using System.Numerics;
using System.Runtime.InteropServices;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Training.Data.Packing;

/// <summary>Fills batches. Each size is allocated once and then reused, so the steady state allocates nothing.</summary>
/// <remarks>Padding goes at the end. Each padding token is a separate document without a label, which costs least and changes no result.
/// Unpacked sequences are concatenated like packed ones, so only the batch as a whole is padded, to one of a few lengths.</remarks>
/// <param name="padTokenId">Id of the padding.</param>
/// <param name="rowTokens">Length of a packed sequence: a batch has this many tokens for each of its rows. Null rounds its tokens up to
/// <see cref="BucketLength"/>.</param>
internal sealed class BatchBuilder(int padTokenId, int? rowTokens = null)
{
    private readonly Dictionary<int, Batch> _batches = [];

    /// <summary>The lengths that batches are padded to: 64, and from there 2ⁿ and 3 · 2ⁿ: 96, 128, 192, 256, 384, 512, 768, 1024,
    /// …</summary>
    /// <returns>The smallest such length that is not below <paramref name="tokens"/>.</returns>
    public static int BucketLength(int tokens)
    {
        int power = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(tokens, 64));
        return power > 64 && power / 4 * 3 >= tokens ? power / 4 * 3 : power;
    }

    /// <summary>A builder of the same batches with separate memory.</summary>
    public BatchBuilder Copy() => new(padTokenId, rowTokens);

    /// <summary>Tokens of a batch, padding included.</summary>
    /// <param name="rows">Number of its rows.</param>
    /// <param name="tokens">Their tokens.</param>
    public int LengthOf(int rows, int tokens) =>
        rowTokens is { } length ? (int)Math.Min((long)length * rows, int.MaxValue) : BucketLength(tokens);

    /// <summary>Fills a batch, valid until the next batch of the same size.</summary>
    /// <param name="sequences">All sequences.</param>
    /// <param name="rows">Which of them are its rows, in order.</param>
    /// <param name="reader">Reads their examples.</param>
    /// <exception cref="LapidaryException">They have more tokens than their rows hold at the fixed length, or cannot be read.</exception>
    public Batch Build(PackedSequences sequences, ReadOnlySpan<int> rows, ExampleReader reader)
    {
        int tokens = 0;
        foreach (int row in rows) tokens += sequences.Tokens[row];
        var batch = ForRows(rows.Length, tokens);
        int offset = 0, trained = 0;
        foreach (int row in rows)
        {
            for (int i = 0; i < sequences.DocumentsOf(row); i++)
            {
                var document = sequences.Document(row, i);
                Append(batch, document, offset, reader);
                offset += document.Length;
            }

            trained += sequences.Trained[row];
        }

        Pad(batch, offset);
        batch.RealTokens = tokens;
        batch.TrainedTokens = trained;
        return batch;
    }

    private Batch ForRows(int rows, int tokens)
    {
        int size = LengthOf(rows, tokens);
        if (tokens > size)
            throw new LapidaryException($"Batch: expected at most {size} tokens, found {tokens}; pack to a smaller MaxLength.");
        ref var batch = ref CollectionsMarshal.GetValueRefOrAddDefault(_batches, size, out _);
        return batch ??= new Batch(size);
    }

    private static void Append(Batch batch, Document document, int offset, ExampleReader reader)
    {
        int length = document.Length;
        var labels = batch.Labels.AsSpan(offset, length);
        reader.Read(document.Example, document.Start, batch.Ids.AsSpan(offset, length), labels);

        // Shifted: the label of token t is that of t + 1, and the last token has none to predict.
        labels[1..].CopyTo(labels);
        labels[^1] = Label.None;
        batch.DocumentStarts.AsSpan(offset, length).Fill(offset);
        for (int i = 0; i < length; i++) batch.Positions[offset + i] = i;
    }

    private void Pad(Batch batch, int offset)
    {
        batch.Ids.AsSpan(offset).Fill(padTokenId);
        batch.Labels.AsSpan(offset).Fill(Label.None);
        batch.Positions.AsSpan(offset).Clear();
        for (int i = offset; i < batch.Tokens; i++) batch.DocumentStarts[i] = i;
    }
}
