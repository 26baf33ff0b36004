using Lapidary.Engine.Memory;
using Lapidary.Formats;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine.Cuda.Device;

/// <summary>A captured sequence of launches, queued again by one call: the same kernels on the same addresses.</summary>
/// <remarks>It holds addresses of the tensors, of the backend's scratch and of decoded weights. So it is captured after a first run of the
/// same work, which grows the scratch to its final size. It is stale after work that needs more scratch has run, or decoded weights have
/// been freed.</remarks>
internal sealed unsafe class CudaGraph : IReplay
{
    private readonly CudaContext _context;
    private readonly Scratch _scratch;
    private readonly int _moves;
    private readonly nint _executable;

    /// <summary>Captures what <paramref name="work"/> queues on the context's stream; nothing runs yet.</summary>
    public CudaGraph(CudaContext context, Scratch scratch, Action work)
    {
        (_context, _scratch, _moves) = (context, scratch, scratch.Moves);
        context.MakeCurrent();
        nint graph = 0, executable;
        Check(cuStreamBeginCapture(context.Stream, CaptureThreadLocal));
        try
        {
            work();
        }
        catch
        {
            // The stream must leave capture in any case; the first error is the one to report.
            if (cuStreamEndCapture(context.Stream, &graph) == 0) _ = cuGraphDestroy(graph);
            throw;
        }

        Check(cuStreamEndCapture(context.Stream, &graph));
        int result = cuGraphInstantiateWithFlags(&executable, graph, 0);
        Check(cuGraphDestroy(graph));
        Check(result, "instantiating a captured graph");
        _executable = executable;
    }

    /// <summary>Whether a capture failed because another thread has ended it.</summary>
    public static bool WasInvalidated(LapidaryException error) =>
        error.Message.Contains("CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", StringComparison.Ordinal);

    /// <inheritdoc/>
    public bool IsStale => _scratch.Moves != _moves;

    /// <inheritdoc/>
    public void Run()
    {
        _context.MakeCurrent();
        Check(cuGraphLaunch(_executable, _context.Stream));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _context.MakeCurrent();
        Check(cuGraphExecDestroy(_executable));
    }
}
