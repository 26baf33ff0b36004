using Lapidary.Engine;
using Lapidary.Training.Data.Storage;

namespace Lapidary.Training.Data.Examples;

/// <summary>Labels as bytes behind an example's ids: nothing where each is the id; else after a first byte either how many are not trained
/// and how many are, in turn, or, where one is neither the id nor untrained, all of them.</summary>
internal static class LabelRuns
{
    /// <summary>First byte of both kinds.</summary>
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

    /// <summary>Reads labels that follow their example's ids.</summary>
    /// <param name="bytes">What was written, of all the example.</param>
    /// <param name="start">First token that is wanted.</param>
    /// <param name="ids">The ids from there on.</param>
    /// <param name="labels">As many labels.</param>
    /// <param name="width">Of ids.</param>
    /// <param name="vocabularySize">Labels are below.</param>
    /// <exception cref="InvalidDataException">The bytes are none that were written.</exception>
    public static void Read(
        ReadOnlySpan<byte> bytes, int start, ReadOnlySpan<int> ids, Span<int> labels, TokenWidth width, int vocabularySize)
    {
        ids.CopyTo(labels);
        if (bytes.IsEmpty) return;
        var source = new ByteSource(bytes);
        switch (source.Byte())
        {
            case Runs:
                // The runs of tokens before the first one and behind the last one are passed over.
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
