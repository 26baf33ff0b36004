using System.Numerics;
using System.Runtime.CompilerServices;

namespace Lapidary.Gemma.Text.BytePairs;

/// <summary>The merges of a byte-pair vocabulary: (left id, right id) → rank and merged id, by open addressing at a load of at most one
/// half. A dictionary keyed by left · 2³² + right is up to ten times slower, because long.GetHashCode is the exclusive or of its
/// halves.</summary>
internal sealed class MergeTable
{
    /// <summary>The rank of a pair that does not merge; it sorts after all others.</summary>
    public const int None = int.MaxValue;

    private readonly Slot[] _slots;
    private readonly int _shift;

    /// <summary>Builds the table; the index of a merge is its rank, and a pair given twice keeps its last rank.</summary>
    public MergeTable(List<(int Left, int Right, int Merged)> merges)
    {
        int size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, merges.Count * 2));
        _slots = new Slot[size];
        _shift = 64 - BitOperations.Log2((uint)size);
        for (int rank = 0; rank < merges.Count; rank++)
        {
            var (left, right, merged) = merges[rank];
            ulong key = Key(left, right);
            int slot = Home(key);
            while (_slots[slot].Key != 0 && _slots[slot].Key != key) slot = (slot + 1) & (size - 1);
            _slots[slot] = new Slot { Key = key, Rank = rank, Merged = merged };
        }
    }

    private MergeTable(Slot[] slots)
    {
        _slots = slots;
        _shift = 64 - BitOperations.Log2((uint)slots.Length);
    }

    /// <summary>Writes the table as it is.</summary>
    public void Write(ImageWriter image) => image.Write<Slot>(_slots);

    /// <summary>Reads the output of <see cref="Write"/>.</summary>
    /// <exception cref="InvalidDataException">The data are not a valid table.</exception>
    public static MergeTable Read(ImageReader image)
    {
        var slots = image.ReadArray<Slot>();
        return slots.Length >= 16 && BitOperations.IsPow2(slots.Length) && Array.Exists(slots, slot => slot.Key == 0)
            ? new MergeTable(slots)
            : throw new InvalidDataException();
    }

    /// <summary>Rank of a pair, or <see cref="None"/>; <paramref name="merged"/> is the id it becomes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Rank(int left, int right, out int merged)
    {
        ulong key = Key(left, right);
        Slot[] slots = _slots;
        for (int slot = Home(key); ; slot = (slot + 1) & (slots.Length - 1))
        {
            ref Slot entry = ref slots[slot];
            if (entry.Key == key)
            {
                merged = entry.Merged;
                return entry.Rank;
            }

            if (entry.Key == 0)
            {
                merged = -1;
                return None;
            }
        }
    }

    // Ids stay below 2²⁴, so the key plus one never wraps and zero can mean an empty slot.
    private static ulong Key(int left, int right) => (((ulong)(uint)left << 32) | (uint)right) + 1;

    private int Home(ulong key) => (int)((key * 0x9E3779B97F4A7C15) >> _shift);

    private struct Slot
    {
        public ulong Key;
        public int Rank;
        public int Merged;
    }
}
