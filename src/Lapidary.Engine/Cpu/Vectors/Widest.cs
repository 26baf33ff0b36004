using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lapidary.Engine.Cpu.Threads;

namespace Lapidary.Engine.Cpu.Vectors;

/// <summary>A kernel body over a range of items, written for any width of lanes.</summary>
internal interface IKernel
{
    /// <summary><see cref="IRange.Run"/> with lanes of type <typeparamref name="V"/>. Mark it AggressiveOptimization: tier 0 is 20 times
    /// slower.</summary>
    void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>;
}

/// <summary>Runs a kernel with the widest lanes of the machine. Only this place checks them.</summary>
internal struct Widest<TKernel>(TKernel kernel) : IRange where TKernel : struct, IKernel
{
    private TKernel _kernel = kernel;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end, int worker)
    {
        if (Vector512.IsHardwareAccelerated) _kernel.Run<Lanes512>(start, end, worker);
        else if (Vector256.IsHardwareAccelerated) _kernel.Run<Lanes256>(start, end, worker);
        else if (Vector128.IsHardwareAccelerated) _kernel.Run<Lanes128>(start, end, worker);
        else _kernel.Run<Lane1>(start, end, worker);
    }
}
