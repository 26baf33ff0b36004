using Lapidary.Formats;

namespace Lapidary.Training.Data.Examples;

/// <summary>Reads examples on one thread into existing memory: the steady state allocates nothing.</summary>
internal sealed class ExampleReader(ExampleSet set)
{
    private byte[] _bytes = new byte[1 << 10];

    /// <summary>Reads a part of an example.</summary>
    /// <param name="example">Its number.</param>
    /// <param name="start">First token of the part.</param>
    /// <param name="ids">[tokens of the part]: receives the ids.</param>
    /// <param name="labels">[tokens of the part]: receives the labels, unshifted.</param>
    /// <exception cref="LapidaryException">The file with the examples cannot be read or is damaged.</exception>
    public void Read(int example, int start, Span<int> ids, Span<int> labels)
    {
        int length = set.Lengths[example], width = set.Width.Bytes;
        long offset = example == 0 ? 0 : set.Ends[example - 1];
        int bytes = (int)(set.Ends[example] - offset), idBytes = length * width;

        // Nearly always the whole example is requested; it is read at once.
        int first = start * width, wanted = ids.Length * width;
        bool isWhole = ids.Length == length;
        int rest = bytes - idBytes;
        if (_bytes.Length < wanted + rest) _bytes = new byte[Math.Max(wanted + rest, _bytes.Length * 2)];
        var read = _bytes.AsSpan(0, wanted + rest);
        if (isWhole)
        {
            set.Bytes.Read(offset, read);
        }
        else
        {
            set.Bytes.Read(offset + first, read[..wanted]);
            set.Bytes.Read(offset + idBytes, read[wanted..]);
        }

        try
        {
            if (set.Width.Read(read, ids) >= (uint)set.VocabularySize) throw new InvalidDataException("an id is too large");
            LabelRuns.Read(read[wanted..], start, ids, labels, set.Width, set.VocabularySize);
        }
        catch (InvalidDataException error)
        {
            throw new LapidaryException($"Tokens of row {set.RowOf(example) + 1}: {error.Message}; start again.", error);
        }
    }
}
