using System.Runtime.InteropServices;
using Lapidary.Engine.Cpu.Threads;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Zero(Tensor tensor)
    {
        var range = new ClearRange { Address = (byte*)tensor.Address, LengthBytes = tensor.LengthBytes };
        _team.For(checked((int)((tensor.LengthBytes + ClearRange.BlockBytes - 1) / ClearRange.BlockBytes)), grain: 1, ref range);
    }

    private struct ClearRange : IRange
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
}
