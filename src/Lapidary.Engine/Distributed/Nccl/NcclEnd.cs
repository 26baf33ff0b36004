using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Distributed.Peers;
using Lapidary.Formats;
using static Lapidary.Engine.Distributed.Nccl.NcclApi;

namespace Lapidary.Engine.Distributed.Nccl;

/// <summary>Ends a communicator without hanging, even if another rank is gone and its part of an exchange never arrives.</summary>
internal static class NcclEnd
{
    /// <summary>Time limit of each step. The steps take milliseconds if all ranks end together.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>Waits for the stream and destroys the communicator; aborts it instead if something failed or the stream does not finish, so
    /// that the backend's memory can be freed. If that hangs too, the end of the process cleans up.</summary>
    public static void Of(nint comm, CudaRuntime runtime, PeerLinks? peers, bool abort)
    {
        bool idle = !abort && IsDone(runtime.Synchronize);
        if (!idle) peers?.Release();
        IsDone(() => _ = idle ? ncclCommDestroy(comm) : ncclCommAbort(comm));
    }

    /// <summary>Runs a step on a separate thread, and waits for it no longer than the limit.</summary>
    /// <returns>Whether it finished in time.</returns>
    private static bool IsDone(Action step)
    {
        bool done = false;
        var thread = new Thread(() =>
        {
            try
            {
                step();
                Volatile.Write(ref done, true);
            }
            catch (LapidaryException)
            {
                // The context is broken: the error that broke it has been reported.
            }
        })
        { IsBackground = true, Name = "NCCL's end" };
        thread.Start();
        return thread.Join(Limit) && Volatile.Read(ref done);
    }
}
