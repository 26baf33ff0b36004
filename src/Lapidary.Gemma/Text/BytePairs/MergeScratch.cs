namespace Lapidary.Gemma.Text.BytePairs;

/// <summary>The symbols of the current word, and scratch for its merges. One per thread.</summary>
internal sealed class MergeScratch
{
    private const int KeptSymbols = 1 << 16;

    [ThreadStatic]
    private static MergeScratch? s_current;

    private readonly PriorityQueue<int, long> _heap = new();
    private int[] _next = [];
    private int[] _previous = [];
    private int[] _ranks = [];

    /// <summary>This thread's scratch; after a very long word it is created again instead of kept large.</summary>
    public static MergeScratch Current
    {
        get
        {
            if (s_current is null || s_current.Tokens.Length > KeptSymbols) s_current = new MergeScratch();
            return s_current;
        }
    }

    /// <summary>The symbols; the first <see cref="Count"/> are the word's.</summary>
    public EncodedToken[] Tokens { get; private set; } = new EncodedToken[128];

    /// <summary>Number of symbols.</summary>
    public int Count { get; set; }

    /// <summary>Empties the scratch and makes room for a word of <paramref name="length"/> code units, each at most
    /// <paramref name="symbolsPerUnit"/> symbols (a UTF-16 unit is at most three UTF-8 bytes).</summary>
    public void Reset(int length, int symbolsPerUnit)
    {
        Count = 0;
        if (Tokens.Length < (long)length * symbolsPerUnit) Tokens = new EncodedToken[checked(length * symbolsPerUnit)];
    }

    /// <summary>Appends a symbol.</summary>
    public void Add(EncodedToken token) => Tokens[Count++] = token;

    /// <summary>Arrays for <see cref="Count"/> symbols and an empty heap.</summary>
    public (int[] Next, int[] Previous, int[] Ranks, PriorityQueue<int, long> Heap) Links()
    {
        if (_next.Length < Count)
        {
            _next = new int[Tokens.Length];
            _previous = new int[Tokens.Length];
            _ranks = new int[Tokens.Length];
        }

        _heap.Clear();
        return (_next, _previous, _ranks, _heap);
    }
}
