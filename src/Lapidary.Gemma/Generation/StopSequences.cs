namespace Lapidary.Gemma;

/// <summary>Ends a text before the first occurrence of a stop sequence, even if the sequence spans several pieces.</summary>
/// <param name="sequences">The sequences; none is empty. There may be none.</param>
public sealed class StopSequences(IReadOnlyList<string> sequences)
{
    private string _held = "";

    /// <summary>Whether a sequence was found; no text follows it.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Adds a piece.</summary>
    /// <returns>The text that is final. Text that may be the start of a sequence is held back.</returns>
    public string Append(string piece)
    {
        string text = _held + piece;
        int stop = -1;
        foreach (string sequence in sequences)
        {
            int at = text.IndexOf(sequence, StringComparison.Ordinal);
            if (at >= 0 && (stop < 0 || at < stop)) stop = at;
        }

        if (stop >= 0)
        {
            (IsStopped, _held) = (true, "");
            return text[..stop];
        }

        int certain = text.Length;
        foreach (string sequence in sequences) certain = Math.Min(certain, BeginningOf(sequence, text));
        _held = text[certain..];
        return text[..certain];
    }

    /// <summary>Ends the text and returns what was held back.</summary>
    public string Finish()
    {
        string rest = _held;
        _held = "";
        return rest;
    }

    /// <summary>Where the longest end of the text that begins the sequence starts; the text's length if none does.</summary>
    private static int BeginningOf(string sequence, string text)
    {
        for (int start = Math.Max(0, text.Length - sequence.Length + 1); start < text.Length; start++)
        {
            if (sequence.AsSpan().StartsWith(text.AsSpan(start), StringComparison.Ordinal)) return start;
        }

        return text.Length;
    }
}
