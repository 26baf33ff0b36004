using System.Runtime.InteropServices;

namespace Lapidary.Gemma.Generation.Drafting;

/// <summary>Guesses the next tokens of a text: those that follow an earlier place where the same tokens stand as at its end.</summary>
/// <remarks>Answers repeat names of the prompt and parts of themselves. A guess costs a search through the text, and is compared with what
/// comes whether or not a step has checked it. So it is always known how good guesses are.</remarks>
/// <param name="prompt">The tokens before the first new one, at least one.</param>
/// <param name="others">How good guesses for other texts were.</param>
internal sealed class TextDraft(IReadOnlyList<int> prompt, DraftSuccess others)
{
    /// <summary>Tokens at the end of a text that are searched. Few texts are longer, and a search must cost little of a step.</summary>
    private const int SearchedTokens = 8192;

    private readonly List<int> _ids = [.. prompt];
    private readonly DraftSuccess _success = new(others);
    private int _from;
    private int _period;
    private int _agreed;
    private int _compared;

    /// <summary>Number of guessed tokens.</summary>
    public int Count { get; private set; }

    /// <summary>A guessed token. A guess that reaches the end of the text goes on with its own beginning.</summary>
    public int this[int index] => _ids[_from + (index % _period)];

    /// <summary>The probability that a guess is right if those before it are.</summary>
    public double Success(int index) => _success.Of(_agreed + index);

    /// <summary>Guesses the next tokens: what follows the longest sequence that ends the text and occurs earlier in it; of equally long
    /// ones, the last.</summary>
    /// <param name="most">Most tokens.</param>
    /// <param name="stopIds">No token follows these, so they are not guessed.</param>
    public void Guess(int most, IReadOnlyCollection<int> stopIds)
    {
        var ids = CollectionsMarshal.AsSpan(_ids);
        ids = ids[Math.Max(0, ids.Length - SearchedTokens)..];
        (Count, _agreed, _compared) = (0, 0, 0);
        int found = 0;
        for (int at = Before(ids, ids.Length - 1); at >= 0 && _agreed < DraftSuccess.Longest; at = Before(ids, at))
        {
            int agreed = 1;
            while (agreed <= at && agreed < DraftSuccess.Longest && ids[at - agreed] == ids[^(agreed + 1)]) agreed++;
            if (agreed > _agreed) (_agreed, found) = (agreed, at + 1);
        }

        if (_agreed == 0) return;
        _period = ids.Length - found;
        _from = _ids.Count - _period;
        while (Count < most && !stopIds.Contains(this[Count])) Count++;
    }

    /// <summary>Adds the next token of the text, and notes whether its guess was right.</summary>
    /// <returns>Whether it was guessed.</returns>
    public bool Add(int id)
    {
        bool isRight = _compared < Count && this[_compared] == id;
        if (_compared < Count) _success.Add(_agreed + _compared, isRight);
        if (isRight) _compared++;
        else Count = 0;
        _ids.Add(id);
        return isRight;
    }

    /// <summary>The last place before <paramref name="end"/> with the text's last token; −1 if there is none.</summary>
    private static int Before(ReadOnlySpan<int> ids, int end) => ids[..end].LastIndexOf(ids[^1]);
}
