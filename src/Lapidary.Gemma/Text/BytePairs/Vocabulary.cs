using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Lapidary.Gemma.Text.BytePairs;

/// <summary>Pieces by id and ids by piece. All UTF-8 text lies in one array, and the table is open addressing with a 32-bit hash beside
/// each id: a quarter of a million small strings in a dictionary would cost most of the load time.</summary>
internal sealed class Vocabulary
{
    /// <summary>Highest id that a file may use; it limits the memory that an untrusted file can allocate.</summary>
    public const int MaxId = (1 << 24) - 1;

    /// <summary>Longest piece in bytes; Gemma's longest is under 100.</summary>
    public const int MaxPieceBytes = 16384;

    private byte[] _text = new byte[1 << 16];
    private int _textLength;
    private int[] _starts = new int[1024];
    private int[] _lengths = NewLengths(1024);
    private ulong[] _slots = new ulong[2048];

    /// <summary>An empty vocabulary.</summary>
    public Vocabulary()
    {
    }

    private Vocabulary(ImageReader image)
    {
        _text = image.ReadArray<byte>();
        _starts = image.ReadArray<int>();
        _lengths = image.ReadArray<int>();
        _slots = image.ReadArray<ulong>();
        (Count, Size, _textLength) = (image.ReadInt32(), image.ReadInt32(), _text.Length);
    }

    /// <summary>Number of pieces.</summary>
    public int Count { get; private set; }

    /// <summary>Highest id in use plus one.</summary>
    public int Size { get; private set; }

    /// <summary>The piece of an id that <see cref="Contains"/>.</summary>
    public ReadOnlySpan<byte> this[int id] => _text.AsSpan(_starts[id], _lengths[id]);

    /// <summary>Whether a piece has this id.</summary>
    public bool Contains(int id) => (uint)id < (uint)Size && _lengths[id] >= 0;

    /// <summary>Adds a piece; false if the piece or the id is there already.</summary>
    public bool TryAdd(ReadOnlySpan<byte> piece, int id)
    {
        if (Contains(id) || Find(piece) >= 0) return false;
        if (id >= _lengths.Length) GrowIds(id);
        if (_textLength + piece.Length > _text.Length)
            Array.Resize(ref _text, checked((int)Math.Max(2L * _text.Length, _textLength + piece.Length)));
        piece.CopyTo(_text.AsSpan(_textLength));
        _starts[id] = _textLength;
        _lengths[id] = piece.Length;
        _textLength += piece.Length;
        Size = Math.Max(Size, id + 1);
        if (++Count * 2 > _slots.Length) GrowTable();
        Insert(_slots, Hash(piece), id);
        return true;
    }

    /// <summary>The id of a piece, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Find(ReadOnlySpan<byte> piece)
    {
        uint hash = Hash(piece);
        int mask = _slots.Length - 1;
        for (int slot = (int)(hash & (uint)mask); ; slot = (slot + 1) & mask)
        {
            ulong entry = _slots[slot];
            if (entry == 0) return -1;
            int id = (int)(uint)entry - 1;
            if ((uint)(entry >> 32) == hash && this[id].SequenceEqual(piece)) return id;
        }
    }

    /// <summary>Writes the arrays as they are.</summary>
    public void Write(ImageWriter image)
    {
        image.Write<byte>(_text.AsSpan(0, _textLength));
        image.Write<int>(_starts);
        image.Write<int>(_lengths);
        image.Write<ulong>(_slots);
        image.Write(Count);
        image.Write(Size);
    }

    /// <summary>Reads the output of <see cref="Write"/>. Check the following checksum first, then <see cref="IsWhole"/>.</summary>
    public static Vocabulary Read(ImageReader image) => new(image);

    /// <summary>Whether every piece lies within the text and the table finds some of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool IsWhole()
    {
        if (Size > _lengths.Length || _starts.Length != _lengths.Length || (uint)Count * 2 > _slots.Length) return false;
        if (!BitOperations.IsPow2(_slots.Length) || Size <= 0) return false;
        for (int id = 0; id < Size; id++)
            if (_lengths[id] >= 0 && ((uint)_starts[id] > _textLength || (uint)_lengths[id] > _textLength - _starts[id])) return false;
        const int Samples = 64;
        for (int id = 0; id < Size; id += Math.Max(1, Size / Samples))
            if (Contains(id) && Find(this[id]) != id) return false;
        return true;
    }

    private static int[] NewLengths(int count)
    {
        int[] lengths = new int[count];
        Array.Fill(lengths, -1);
        return lengths;
    }

    private void GrowIds(int id)
    {
        int old = _lengths.Length;
        int size = (int)BitOperations.RoundUpToPowerOf2((uint)id + 1);
        Array.Resize(ref _starts, size);
        Array.Resize(ref _lengths, size);
        Array.Fill(_lengths, -1, old, size - old);
    }

    private void GrowTable()
    {
        ulong[] larger = new ulong[_slots.Length * 4];
        foreach (ulong entry in _slots)
        {
            if (entry != 0) Insert(larger, (uint)(entry >> 32), (int)(uint)entry - 1);
        }

        _slots = larger;
    }

    private static void Insert(ulong[] slots, uint hash, int id)
    {
        int mask = slots.Length - 1;
        int slot = (int)(hash & (uint)mask);
        while (slots[slot] != 0) slot = (slot + 1) & mask;
        slots[slot] = ((ulong)hash << 32) | ((uint)id + 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Hash(ReadOnlySpan<byte> piece)
    {
        const ulong Multiplier = 0x9E3779B97F4A7C15;
        ulong hash = (ulong)piece.Length * Multiplier;
        for (; piece.Length >= 8; piece = piece[8..]) hash = Fold(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(piece), Multiplier);
        ulong tail = 0;
        for (int i = 0; i < piece.Length; i++) tail |= (ulong)piece[i] << (8 * i);
        hash = Fold(hash ^ tail, Multiplier);
        return (uint)(hash ^ (hash >> 32));
    }

    private static ulong Fold(ulong value, ulong multiplier)
    {
        ulong high = Math.BigMul(value, multiplier, out ulong low);
        return high ^ low;
    }
}
