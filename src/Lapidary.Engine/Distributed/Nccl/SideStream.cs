using Lapidary.Engine.Cuda.Device;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine.Distributed.Nccl;

/// <summary>A stream beside a backend's own, for exchanges that run while the backend goes on. Events keep their order: what begins there
/// comes after all that the backend has queued, and after <see cref="Join"/> the backend's stream waits for it.</summary>
internal sealed unsafe class SideStream : IDisposable
{
    /// <summary>CU_EVENT_DISABLE_TIMING: the cheapest event.</summary>
    private const uint WithoutTime = 2;

    private readonly CudaContext _context;
    private readonly nint _begin;
    private readonly nint _end;
    private bool _isAhead;

    public SideStream(CudaContext context)
    {
        _context = context;
        nint stream, begin, end;
        Check(cuStreamCreate(&stream, StreamNonBlocking));
        Check(cuEventCreate(&begin, WithoutTime));
        Check(cuEventCreate(&end, WithoutTime));
        (Stream, _begin, _end) = (stream, begin, end);
    }

    /// <summary>CUstream.</summary>
    public nint Stream { get; }

    /// <summary>What is queued here next waits for what the backend has queued.</summary>
    public void Begin()
    {
        Check(cuEventRecord(_begin, _context.Stream));
        Check(cuStreamWaitEvent(Stream, _begin, 0));
        _isAhead = true;
    }

    /// <summary>What the backend queues next waits for what was queued here.</summary>
    public void Join()
    {
        if (!_isAhead) return;
        Check(cuEventRecord(_end, Stream));
        Check(cuStreamWaitEvent(_context.Stream, _end, 0));
        _isAhead = false;
    }

    public void Dispose()
    {
        _context.MakeCurrent();
        Check(cuEventDestroy(_begin));
        Check(cuEventDestroy(_end));
        Check(cuStreamDestroy(Stream));
    }
}
