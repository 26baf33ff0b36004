using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Lapidary.Gemma.Text.BytePairs;

/// <summary>A bounded cache of encoded words: direct-mapped slots of immutable entries, so readers and writers need no lock and the newest
/// word wins its slot.</summary>
internal sealed class WordCache
{
    /// <summary>Longer words are rare and not kept.</summary>
    public const int MaxWordLength = 32;

    private const int SlotBits = 16;

    private readonly Entry?[] _slots = new Entry?[1 << SlotBits];

    /// <summary>The tokens of a word, or null; <paramref name="slot"/> is where <see cref="Set"/> will keep it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public EncodedToken[]? Find(ReadOnlySpan<char> word, out int slot)
    {
        slot = Slot(word);
        Entry? entry = _slots[slot];
        return entry is not null && word.SequenceEqual(entry.Word) ? entry.Tokens : null;
    }

    /// <summary>Keeps a word's tokens.</summary>
    public void Set(int slot, ReadOnlySpan<char> word, EncodedToken[] tokens) => _slots[slot] = new Entry(word.ToString(), tokens);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Slot(ReadOnlySpan<char> word)
    {
        const ulong Multiplier = 0x9E3779B97F4A7C15;
        ulong hash = (ulong)word.Length;
        ReadOnlySpan<ulong> blocks = MemoryMarshal.Cast<char, ulong>(word);
        foreach (ulong block in blocks) hash = (((hash << 5) | (hash >> 59)) ^ block) * Multiplier;
        for (int i = blocks.Length * 4; i < word.Length; i++) hash = (((hash << 5) | (hash >> 59)) ^ word[i]) * Multiplier;
        return (int)(hash >> (64 - SlotBits));
    }

    private sealed record Entry(string Word, EncodedToken[] Tokens);
}
