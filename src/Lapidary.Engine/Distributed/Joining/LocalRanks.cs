using Lapidary.Engine.Distributed.Joining;
using Lapidary.Formats;

namespace Lapidary.Engine;

/// <summary>Runs the ranks that this process has of a run: one, or a thread for each of its GPUs. The same program serves one GPU, all
/// GPUs of a machine, and processes that mpirun, srun, torchrun or Kubernetes start.</summary>
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
    /// <summary>Joins the other processes of the run, where a launcher has started some, does the work of each rank of this one, and
    /// leaves.</summary>
    /// <param name="work">What each rank does: the same calls on all of them. Threads that run at the same time may share what they only
    /// read, such as a data set, but no model or backend.</param>
    /// <param name="options">How the processes find each other; null for the defaults.</param>
    /// <param name="gpus">The GPUs of this machine to use; null for all, and for the CPU where none can be used; empty for the CPU. A
    /// process that was started for one rank takes the one of its local rank.</param>
    /// <param name="cancellation">Ends the wait for other processes; not the work, which needs a token of its own.</param>
    /// <exception cref="LapidaryException">The processes do not find each other; or what the work threw, see
    /// <see cref="RunEach"/>.</exception>
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

    /// <summary>This process's ranks; waits until all other processes have come. The caller disposes of their groups.</summary>
    /// <param name="options">How.</param>
    /// <param name="gpus">A GPU for each rank of this process; empty for one rank on the CPU.</param>
    /// <param name="threads">Threads of a rank on the CPU; 0 for one per core, which ranks of one machine share.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="LapidaryException">Some do not come, or do not fit; or the launcher's variables are wrong.</exception>
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

    /// <summary>Does the work of each rank, in a thread of its own where there are several. Where one throws, the others are told: in this
    /// process their next exchange throws a <see cref="LapidaryException"/> that names the rank and has its message, in other processes
    /// <see cref="RankGroupOptions.Lost"/> is called with that line.</summary>
    /// <param name="ranks">Of this process.</param>
    /// <param name="work">What each does.</param>
    /// <param name="lineOf">An error in one line, for the other ranks; null for its message.</param>
    /// <param name="stuck">Called where a rank has thrown and others do not end within 5 seconds, because they wait for it in an exchange
    /// of GPUs, from which nothing wakes them. It should end the process by <see cref="RankGroups.Leave(int)"/>; null for that, after a
    /// line on standard error.</param>
    /// <returns>What the first rank's work returned.</returns>
    /// <remarks>What the first rank to fail has thrown is thrown here. The work of a rank ends with its disposals as in any other method;
    /// those of groups wait until all have ended.</remarks>
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
