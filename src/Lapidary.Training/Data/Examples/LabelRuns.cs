using Lapidary.Engine;
using Lapidary.Training.Data.Storage;

namespace Lapidary.Training.Data.Examples;

/// <summary>Labels as bytes after an example's ids. No bytes if each label is its id. Otherwise a first byte, then either alternating
/// counts of untrained and trained tokens, or, if a label is neither its id nor untrained, all labels.</summary>
internal static class LabelRuns
{
    /// <summary>The first byte of the two forms.</summary>
    private const byte Runs = 1, Labels = 2;

    /// <summary>Appends the labels of an example.</summary>
    public static void Write(ByteBuilder bytes, Example example, TokenWidth width, int vocabularySize)
    {
        var (ids, labels) = example;
        if (ReferenceEquals(ids, labels) || ids.AsSpan().SequenceEqual(labels)) return;
        for (int i = 0; i < ids.Length; i++)
        {
            if (labels[i] == ids[i] || labels[i] == Label.None) continue;
            bytes.Byte(Labels);
            int[] codes = Array.ConvertAll(labels, label => label == Label.None ? vocabularySize : label);
            byte[] written = new byte[codes.Length * width.Bytes];
            width.Write(codes, written);
            bytes.Raw(written);
            return;
        }

        bytes.Byte(Runs);
        bool isTrained = false;
        for (int start = 0, i = 0; i <= labels.Length; i++)
        {
            if (i < labels.Length && (labels[i] != Label.None) == isTrained) continue;
            bytes.Number(i - start);
            (start, isTrained) = (i, !isTrained);
        }
    }

    /// <summary>Reads labels stored after the ids of their example.</summary>
    /// <param name="bytes">All bytes written for the example.</param>
    /// <param name="start">First requested token.</param>
    /// <param name="ids">The ids from there on.</param>
    /// <param name="labels">As many labels.</param>
    /// <param name="width">The encoding of ids.</param>
    /// <param name="vocabularySize">Labels are smaller than this.</param>
    /// <exception cref="InvalidDataException">The bytes are not valid.</exception>
    public static void Read(
        ReadOnlySpan<byte> bytes, int start, ReadOnlySpan<int> ids, Span<int> labels, TokenWidth width, int vocabularySize)
    {
        ids.CopyTo(labels);
        if (bytes.IsEmpty) return;
        var source = new ByteSource(bytes);
        switch (source.Byte())
        {
            case Runs:
                // Skips the runs of tokens before the first requested token and after the last one.
                long at = -start;
                for (bool isTrained = false; at < labels.Length; isTrained = !isTrained)
                {
                    if (source.IsAtEnd) throw ByteSource.Damaged();
                    long end = at + source.Int();
                    if (!isTrained && end > 0 && at < labels.Length)
                        labels[(int)Math.Max(at, 0)..(int)Math.Min(end, labels.Length)].Fill(Label.None);
                    at = end;
                }

                break;
            case Labels:
                source.Raw(checked(start * width.Bytes));
                if (width.Read(source.Raw(labels.Length * width.Bytes), labels) > (uint)vocabularySize) throw ByteSource.Damaged();
                labels.Replace(vocabularySize, Label.None);
                break;
            default:
                throw ByteSource.Damaged();
        }
    }
}
