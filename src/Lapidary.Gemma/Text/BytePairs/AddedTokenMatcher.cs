using System.Buffers;
using System.Runtime.CompilerServices;

namespace Lapidary.Gemma.Text.BytePairs;

/// <summary>Finds added tokens in a text, the leftmost first and of those the longest: a trie over UTF-16 code units, entered only where a
/// vectorised search finds a first character.</summary>
internal sealed class AddedTokenMatcher
{
    /// <summary>Longest added token in code units; it bounds the work per character of text.</summary>
    public const int MaxLength = 1024;

    private readonly Dictionary<long, int> _children = [];
    private readonly List<int> _tokens = [-1];
    private readonly CharMap? _normalizer;
    private readonly SearchValues<char> _first;

    /// <summary>Builds the trie. With a normalizer, texts and tokens are compared as normalized.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // some thousands of tokens at every start
    public AddedTokenMatcher(IEnumerable<(string Content, int Id)> tokens, CharMap? normalizer)
    {
        _normalizer = normalizer;
        var first = new HashSet<char>();
        foreach (var (content, id) in tokens)
        {
            int node = 0;
            foreach (char unit in content)
            {
                if (!_children.TryGetValue(Key(node, Normalize(unit)), out int child))
                {
                    child = _tokens.Count;
                    _tokens.Add(-1);
                    _children.Add(Key(node, Normalize(unit)), child);
                }

                node = child;
            }

            _tokens[node] = id;
            first.Add(Normalize(content[0]));
        }

        if (normalizer is { } map && first.Contains(map.To)) first.Add(map.From);
        _first = SearchValues.Create([.. first]);
    }

    /// <summary>The next added token in text[from..to].</summary>
    public bool TryFind(ReadOnlySpan<char> text, int from, int to, out EncodedToken found)
    {
        for (int start = from; start < to; start++)
        {
            int skip = text[start..to].IndexOfAny(_first);
            if (skip < 0) break;
            start += skip;
            int end = -1, id = -1, node = 0;
            for (int i = start; i < to && _children.TryGetValue(Key(node, Normalize(text[i])), out node); i++)
            {
                if (_tokens[node] < 0) continue;
                id = _tokens[node];
                end = i + 1;
            }

            if (id < 0) continue;
            found = new EncodedToken(id, start, end);
            return true;
        }

        found = default;
        return false;
    }

    private char Normalize(char unit) => _normalizer is { } map && unit == map.From ? map.To : unit;

    private static long Key(int node, char unit) => ((long)node << 16) | unit;
}
