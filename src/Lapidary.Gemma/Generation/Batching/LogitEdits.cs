using System.Runtime.InteropServices;
using Lapidary.Engine;
using Lapidary.Gemma.Generation.Sampling;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>The changes that rules make to the logits of a decoding step, as far as there is room for them.</summary>
/// <param name="vocabulary">Length of a row.</param>
/// <param name="room">Most edits of all rows.</param>
internal sealed class LogitEdits(int vocabulary, int room)
{
    /// <summary>A text with more has its logits read: its edits would take as long to send.</summary>
    private const int MostOfARow = 2048;

    private readonly List<LogitEdit> _edits = [LogitEdit.Header(0)];

    /// <summary>Most edits for which memory is worth having.</summary>
    /// <param name="rows">Rows of the largest step.</param>
    public static int RoomFor(int rows) => Math.Min(rows, 32) * MostOfARow;

    /// <summary>Length of a row.</summary>
    public int Vocabulary => vocabulary;

    /// <summary>Whether there are edits.</summary>
    public bool Any => _edits.Count > 1;

    /// <summary>A header and the edits.</summary>
    public ReadOnlySpan<LogitEdit> WithHeader
    {
        get
        {
            _edits[0] = LogitEdit.Header(_edits.Count - 1);
            return CollectionsMarshal.AsSpan(_edits);
        }
    }

    /// <summary>Removes all edits.</summary>
    public void Clear() => _edits.RemoveRange(1, _edits.Count - 1);

    /// <summary>Adds those of a row, if there is room.</summary>
    public bool TryAdd(Sampler sampler, int row) =>
        sampler.TryAddEdits(row, vocabulary, Math.Min(MostOfARow, room - (_edits.Count - 1)), _edits);
}
