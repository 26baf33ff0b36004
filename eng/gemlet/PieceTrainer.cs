namespace Gemlet;

/// <summary>Learns merges of byte-pair encoding from words with counts: again and again the most frequent pair of neighbours becomes a
/// piece. Equal counts are decided by the pieces' order, so the result depends on the words alone.</summary>
internal sealed class PieceTrainer
{
    private readonly List<string> _pieces = [];
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly List<(int[] Pieces, long Count)> _words = [];

    /// <summary>Pieces in the order in which they came, single characters first.</summary>
    public IReadOnlyList<string> Pieces => _pieces;

    /// <summary>Adds a word.</summary>
    /// <param name="pieces">Its pieces.</param>
    /// <param name="count">How often it occurs.</param>
    public void Add(IEnumerable<string> pieces, long count) => _words.Add(([.. pieces.Select(Id)], count));

    /// <summary>The id of a piece, which is added if it is new.</summary>
    public int Id(string piece)
    {
        if (_ids.TryGetValue(piece, out int id)) return id;
        _ids.Add(piece, _pieces.Count);
        _pieces.Add(piece);
        return _pieces.Count - 1;
    }

    /// <summary>Learns merges.</summary>
    /// <param name="count">How many at most.</param>
    /// <param name="least">The least count of a pair.</param>
    public List<(string Left, string Right)> Learn(int count, long least)
    {
        var counts = new Dictionary<(int, int), long>();
        var places = new Dictionary<(int, int), HashSet<int>>();
        for (int i = 0; i < _words.Count; i++) Count(i, 1, counts, places);
        List<(string, string)> merges = [];
        while (merges.Count < count && counts.Count > 0)
        {
            var best = counts.MaxBy(pair => (pair.Value, -pair.Key.Item1, -pair.Key.Item2));
            if (best.Value < least) break;
            var (left, right) = best.Key;
            int merged = Id(_pieces[left] + _pieces[right]);
            merges.Add((_pieces[left], _pieces[right]));
            foreach (int word in places[best.Key].ToArray())
            {
                Count(word, -1, counts, places);
                _words[word] = (Merge(_words[word].Pieces, left, right, merged), _words[word].Count);
                Count(word, 1, counts, places);
            }

            counts.Remove(best.Key);
        }

        return merges;
    }

    private void Count(int word, int sign, Dictionary<(int, int), long> counts, Dictionary<(int, int), HashSet<int>> places)
    {
        var (pieces, count) = _words[word];
        for (int i = 0; i + 1 < pieces.Length; i++)
        {
            var pair = (pieces[i], pieces[i + 1]);
            long sum = counts.GetValueOrDefault(pair) + (sign * count);
            if (sum == 0) counts.Remove(pair);
            else counts[pair] = sum;
            if (!places.TryGetValue(pair, out var set)) places.Add(pair, set = []);
            if (sign > 0) set.Add(word);
        }
    }

    private static int[] Merge(int[] pieces, int left, int right, int merged)
    {
        var result = new List<int>(pieces.Length);
        for (int i = 0; i < pieces.Length; i++)
        {
            if (i + 1 < pieces.Length && pieces[i] == left && pieces[i + 1] == right)
            {
                result.Add(merged);
                i++;
            }
            else
            {
                result.Add(pieces[i]);
            }
        }

        return [.. result];
    }
}
