using Lapidary.Engine.Cuda.Launching;
using Lapidary.Formats;
using static Lapidary.Engine.Distributed.Nccl.NcclApi;

namespace Lapidary.Engine.Distributed.Nccl;

/// <summary>The end of a communicator, which never hangs: where another rank is gone, its part of an exchange never comes.</summary>
internal static class NcclEnd
{
    /// <summary>What each of the steps may take. They take milliseconds where all ranks end together.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>Waits for the stream and destroys the communicator; aborts it instead where something failed or the stream does not come to
    /// an end, so that the backend's memory can be freed. What then hangs still is left to the end of the process.</summary>
    public static void Of(nint comm, CudaRuntime runtime, bool abort)
    {
        bool idle = !abort && IsDone(runtime.Synchronize);
        IsDone(() => _ = idle ? ncclCommDestroy(comm) : ncclCommAbort(comm));
    }

    /// <summary>Runs a step on a thread of its own, for which nobody waits longer than the limit.</summary>
    /// <returns>Whether it came to its end in time.</returns>
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
