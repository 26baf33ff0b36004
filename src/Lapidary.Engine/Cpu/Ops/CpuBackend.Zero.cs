using Lapidary.Engine.Cpu.Pointwise;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Zero(Tensor tensor)
    {
        var range = new ClearRange { Address = (byte*)tensor.Address, LengthBytes = tensor.LengthBytes };
        _team.For(checked((int)((tensor.LengthBytes + ClearRange.BlockBytes - 1) / ClearRange.BlockBytes)), grain: 1, ref range);
    }
}
