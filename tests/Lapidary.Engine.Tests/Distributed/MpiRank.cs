using System.Globalization;
using Lapidary.Engine.Distributed;
using Lapidary.Engine.Distributed.Mpi;

namespace Lapidary.Engine.Tests.Distributed;

/// <summary>What this program does as a rank under mpirun, see <see cref="MpiCommunicatorTests"/>. Its exit code tells the
/// result.</summary>
internal static class MpiRank
{
    /// <summary>The program's first argument where it is a rank; the second is the name of its work.</summary>
    public const string Argument = "rank";

    private static readonly Dictionary<string, Action<MpiRuntime>> Works = new()
    {
        [nameof(Exchange)] = Exchange,
    };

    /// <summary>Does one work; returns the exit code.</summary>
    public static int Run(string work)
    {
        try
        {
            using var mpi = Start();
            Works[work](mpi);
            mpi.Complete();
            return 0;
        }
        catch (Exception failure)
        {
            Console.Error.WriteLine(failure);
            return 1;
        }
    }

    /// <summary>Every body of <see cref="CollectiveBodies"/>.</summary>
    public static void Exchange(MpiRuntime mpi)
    {
        using var backend = new CpuBackend(threads: 1);
        using var communicator = new MpiCommunicator(new CountedGroup(mpi.Rank, mpi.WorldSize), mpi, backend);
        var bodies = new CollectiveBodies(communicator, backend, inRankOrder: true);
        foreach (string name in CollectiveBodies.Names) bodies.Run(name);
    }

    private static MpiRuntime Start()
    {
        string? Variable(string name) => Environment.GetEnvironmentVariable(name);
        string? open = Variable("OMPI_COMM_WORLD_SIZE"), hydra = Variable("PMI_SIZE");
        return MpiRuntime.Start(
            open is not null ? MpiFlavor.OpenMpi : MpiFlavor.Mpich,
            int.Parse((open ?? hydra) ?? throw new InvalidOperationException("No launcher has started this."), CultureInfo.InvariantCulture));
    }
}
