using System.Runtime.InteropServices;
using Lapidary.Engine.Cpu.Threads;

namespace Lapidary.Engine.Cpu.Pointwise;

/// <summary>Sets bytes to zero; items are blocks of <see cref="BlockBytes"/>.</summary>
internal unsafe struct ClearRange : IRange
{
    public const long BlockBytes = 1 << 18;

    public byte* Address;
    public long LengthBytes;

    public readonly void Run(int start, int end, int worker)
    {
        long first = start * BlockBytes;
        NativeMemory.Clear(Address + first, (nuint)(Math.Min(LengthBytes, end * BlockBytes) - first));
    }
}
