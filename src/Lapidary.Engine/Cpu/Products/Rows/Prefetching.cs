using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Lapidary.Engine.Cpu.Products.Rows;

/// <summary>Fetches weights ahead. Rows follow each other in memory, so a fetch runs into the next row.</summary>
internal static unsafe class Prefetching
{
    private const int AheadBytes = 1536;
    private const int LineBytes = 64;

    /// <summary>A hint for as many bytes as are read at <paramref name="address"/>: it may name memory past the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(void* address, int lengthBytes)
    {
        if (!Sse.IsSupported) return;
        for (int i = 0; i < lengthBytes; i += LineBytes) Sse.Prefetch0((byte*)address + AheadBytes + i);
    }
}
