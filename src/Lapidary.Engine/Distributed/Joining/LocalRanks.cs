using Lapidary.Engine.Distributed.Joining;
using Lapidary.Formats;

namespace Lapidary.Engine;

/// <summary>Runs this process's ranks: one, or a thread for each of its GPUs. The same program works on one GPU, on all GPUs of a machine,
/// and in processes started by mpirun, srun, torchrun or Kubernetes.</summary>
/// <example>
/// <code>
/// LocalRanks.Run(rank =>
/// {
///     using var backend = rank.CreateBackend();
///     using var communicator = Communicator.Create(rank.Group, backend);
///     using var model = GemmaModel.Load("gemma-3-1b-pt", backend);
///     using var trainer = SftTrainer.Create(model, encoder, train, config, LoraConfig.Guide, communicator: communicator);
///     trainer.Train(cancellationToken: stop);
/// });
/// </code>
/// </example>
public static class LocalRanks
{
    /// <summary>Joins the other processes of the run, if a launcher started any, runs the work of each local rank, and leaves.</summary>
    /// <param name="work">The work of a rank; all ranks make the same calls. Concurrent threads may share read-only objects, such as a data
    /// set, but not a model or backend.</param>
    /// <param name="options">How the processes find each other; null for the defaults.</param>
    /// <param name="gpus">The GPUs to use; null for all of them, or the CPU if none can be used; empty for the CPU. A process started for
    /// one rank takes the GPU of its local rank.</param>
    /// <param name="cancellation">Ends the wait for other processes. It does not end the work, which needs another token.</param>
    /// <exception cref="LapidaryException">The processes do not find each other, or the work threw; see <see cref="RunEach"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static void Run(
        Action<LocalRank> work, RankGroupOptions? options = null, IReadOnlyList<int>? gpus = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        options ??= new RankGroupOptions();
        options = options with { Place = options.Place ?? LaunchPlace.Find(options.Variable) };
        var ranks = Join(options, GpusOf(options.Place, gpus), threads: 0, cancellation);
        try
        {
            _ = RunEach(ranks, rank =>
            {
                work(rank);
                return true;
            });
        }
        finally
        {
            foreach (var rank in ranks) rank.Group.Dispose();
        }
    }

    /// <summary>Returns this process's ranks after all other processes have joined. The caller disposes their groups.</summary>
    /// <param name="options">How the processes find each other.</param>
    /// <param name="gpus">A GPU for each rank of this process; empty for one rank on the CPU.</param>
    /// <param name="threads">Threads of a rank on the CPU; 0 for one per core, which ranks of one machine share.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="LapidaryException">Some processes do not join or do not match, or the launcher's variables are wrong.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IReadOnlyList<LocalRank> Join(
        RankGroupOptions options, IReadOnlyList<int> gpus, int threads = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(gpus);
        var groups = RankGroups.JoinAll(options, Math.Max(1, gpus.Count), cancellation);
        return gpus.Count == 0
            ? [new LocalRank(groups[0], Gpu: null, groups[0].WorldSize > 1 ? LocalRank.ThreadsOf(groups[0], threads) : threads)]
            : [.. groups.Zip(gpus, (group, gpu) => new LocalRank(group, gpu, threads))];
    }

    /// <summary>Runs the work of each rank, each in its thread if there are several. If one throws, the others are informed: in this
    /// process their next exchange throws a <see cref="LapidaryException"/> with the rank and its message; in other processes
    /// <see cref="RankGroupOptions.Lost"/> is called with that line.</summary>
    /// <param name="ranks">The ranks of this process.</param>
    /// <param name="work">The work of a rank.</param>
    /// <param name="lineOf">Turns an error into one line for the other ranks; null for its message.</param>
    /// <param name="stuck">Called if a rank has thrown and others do not end within 5 seconds, because they wait for it in an exchange
    /// between GPUs, which cannot be interrupted. It should end the process with <see cref="RankGroups.Leave(int)"/>. Null does that after
    /// a line on standard error.</param>
    /// <returns>The result of the first rank's work.</returns>
    /// <remarks>Rethrows the exception of the first rank that failed. Groups are disposed after all ranks have ended.</remarks>
    public static T RunEach<T>(
        IReadOnlyList<LocalRank> ranks, Func<LocalRank, T> work, Func<Exception, string>? lineOf = null,
        Action<LocalRank, Exception>? stuck = null)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        ArgumentOutOfRangeException.ThrowIfZero(ranks.Count);
        lineOf ??= LineOf;
        stuck ??= (rank, e) => RankGroups.Leave(1, $"[{rank.Group.NameOf(rank.Group.Rank)}, {rank.Device}] {lineOf(e)}");
        return RankThreads.Run(ranks, work, lineOf, stuck);
    }

    private static IReadOnlyList<int> GpusOf(LaunchPlace place, IReadOnlyList<int>? given)
    {
        var gpus = given ?? (CudaBackend.FirstAvailable() is null ? [] : [.. Enumerable.Range(0, CudaDevice.Count())]);
        bool hasAll = place.Launcher is null || place.IsPerNode;
        return hasAll || gpus.Count == 0 ? gpus : [gpus[place.DeviceIndex(gpus.Count)]];
    }

    private static string LineOf(Exception e) => e is LapidaryException ? e.Message : Printable.Line($"{e.GetType().Name}: {e.Message}");
}
