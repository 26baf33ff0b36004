using Lapidary.Jinja;

namespace Lapidary.Gemma.Text.BytePairs;

/// <summary>The growing result of one encoding; spans are kept only if asked for.</summary>
internal sealed class TokenBuffer(int capacity, bool withSpans)
{
    private int[] _ids = new int[capacity];
    private TextSpan[]? _spans = withSpans ? new TextSpan[capacity] : null;
    private int _count;

    /// <summary>Appends tokens whose ranges count from <paramref name="origin"/>.</summary>
    public void Add(ReadOnlySpan<EncodedToken> tokens, int origin)
    {
        Reserve(tokens.Length);
        var ids = _ids.AsSpan(_count);
        for (int i = 0; i < tokens.Length; i++) ids[i] = tokens[i].Id;
        if (_spans is not null)
        {
            for (int i = 0; i < tokens.Length; i++) _spans[_count + i] = new TextSpan(origin + tokens[i].Start, origin + tokens[i].End);
        }

        _count += tokens.Length;
    }

    /// <summary>Appends tokens that stand for no text.</summary>
    public void AddSpecial(int[] ids)
    {
        foreach (int id in ids) Add([new EncodedToken(id, 0, 0)], 0);
    }

    /// <summary>The ids.</summary>
    public int[] Ids() => _ids.AsSpan(0, _count).ToArray();

    /// <summary>The ranges that the ids stand for.</summary>
    public TextSpan[] Spans() => _spans.AsSpan(0, _count).ToArray();

    private void Reserve(int count)
    {
        if (_count + count <= _ids.Length) return;
        int size = Math.Max(2 * _ids.Length, _count + count);
        Array.Resize(ref _ids, size);
        if (_spans is not null) Array.Resize(ref _spans, size);
    }
}
