using System.Globalization;

namespace Lapidary.Engine.Distributed.Launch;

/// <summary>Launchers that start a process for each rank, and the order in which all launchers are tried.</summary>
/// <remarks>MPI precedes Slurm: under mpirun in a Slurm job, its daemons pass on the variables of their own step. Variables for a process
/// precede variables for a machine.</remarks>
internal static class Launchers
{
    /// <summary>Reads the variables.</summary>
    public static LaunchPlace Find(LaunchVariables variables) =>
        Torch(variables) ?? OpenMpi(variables) ?? Mvapich(variables) ?? Hydra(variables) ?? Slurm(variables)
        ?? NodeLaunchers.Find(variables) ?? LaunchPlace.Alone with { Note = BatchScriptNote(variables) };

    /// <summary>torchrun, Azure ML and all that set a process's RANK, WORLD_SIZE and LOCAL_RANK.</summary>
    private static LaunchPlace? Torch(LaunchVariables variables)
    {
        if (!variables.Has("RANK") || !variables.Has("WORLD_SIZE") || !variables.Has("LOCAL_RANK")) return null;
        var (rank, world) = variables.Pair("RANK", "WORLD_SIZE")!.Value;
        int? localSize = variables.Number("LOCAL_WORLD_SIZE", least: 1);
        string? address = variables.Text("MASTER_ADDR");
        if (address is null && localSize != world && world > 1) throw LaunchVariables.Half("RANK", "MASTER_ADDR");
        int port = variables.Port("MASTER_PORT") ?? LaunchPlace.DefaultPort;

        // torchrun's own agent listens at MASTER_PORT.
        if (string.Equals(variables.Text("TORCHELASTIC_USE_AGENT_STORE"), "True", StringComparison.OrdinalIgnoreCase))
            port += port < 65535 ? 1 : -1;
        return Local(variables, "LOCAL_RANK", localSize, new LaunchPlace
        {
            Launcher = variables.Has("TORCHELASTIC_RUN_ID") ? "torchrun"
                : variables.Has("AZUREML_RUN_ID") ? "Azure ML" : "RANK and WORLD_SIZE",
            Kind = LaunchKind.Torch,
            Process = rank,
            Processes = world,
            Address = address,
            Port = port,
            Run = variables.Text("TORCHELASTIC_RUN_ID") ?? "", // each machine counts its own restarts, which may differ
        });
    }

    private static LaunchPlace? OpenMpi(LaunchVariables variables)
    {
        const string Name = "OMPI_COMM_WORLD_";
        return variables.Pair(Name + "RANK", Name + "SIZE") is not { } pair ? null
            : Mpi(variables, "mpirun (Open MPI)", LaunchKind.OpenMpi, pair, Name + "LOCAL_RANK", Name + "LOCAL_SIZE");
    }

    private static LaunchPlace? Mvapich(LaunchVariables variables)
    {
        const string Name = "MV2_COMM_WORLD_";
        return variables.Pair(Name + "RANK", Name + "SIZE") is not { } pair ? null
            : Mpi(variables, "mpirun (MVAPICH2)", LaunchKind.Mpich, pair, Name + "LOCAL_RANK", Name + "LOCAL_SIZE");
    }

    /// <summary>Hydra, the launcher of MPICH and of Intel MPI.</summary>
    /// <remarks>Slurm's srun may set PMI_* too, for MPI programs; MPI_LOCALRANKID is Hydra's.</remarks>
    private static LaunchPlace? Hydra(LaunchVariables variables)
    {
        if (variables.Has("SLURM_STEP_NUM_TASKS") && !variables.Has("MPI_LOCALRANKID")) return null;
        return variables.Pair("PMI_RANK", "PMI_SIZE") is not { } pair ? null
            : Mpi(variables, "mpiexec (MPICH)", LaunchKind.Mpich, pair, "MPI_LOCALRANKID", "MPI_LOCALNRANKS");
    }

    /// <summary>MPI provides rank 0's address, unless the user or Azure does.</summary>
    private static LaunchPlace Mpi(
        LaunchVariables variables, string launcher, LaunchKind kind, (int Index, int Count) pair, string localRank, string localSize)
    {
        string? address = variables.Text("MASTER_ADDR");
        int? port = variables.Port("MASTER_PORT");
        if (address is null && variables.FirstText("AZ_BATCH_MASTER_NODE", "AZ_BATCHAI_MPI_MASTER_NODE") is { } node)
        {
            // host:port, whose port is for us; the second of the two variables has none.
            string[] parts = node.Split(':');
            address = parts.Length == 2 ? parts[0] : node;
            if (parts.Length == 2 && int.TryParse(parts[1], NumberStyles.None, null, out int number) && number is > 0 and <= 65535)
                port ??= number;
        }

        return Local(variables, localRank, variables.Number(localSize, least: 1), new LaunchPlace
        {
            Launcher = launcher,
            Kind = kind,
            Process = pair.Index,
            Processes = pair.Count,
            Address = address,
            Port = address is null ? null : port ?? LaunchPlace.DefaultPort,
        });
    }

    /// <summary>A step of Slurm. A batch script without srun also has a task count, but is alone.</summary>
    private static LaunchPlace? Slurm(LaunchVariables variables)
    {
        if (!variables.Has("SLURM_STEP_NUM_TASKS")) return null;
        var (rank, world) = variables.Pair("SLURM_PROCID", "SLURM_STEP_NUM_TASKS")!.Value;
        int? localSize = null;
        if (variables.Text("SLURM_STEP_TASKS_PER_NODE") is { } tasks && variables.Number("SLURM_NODEID") is { } node)
            localSize = SlurmLists.TasksOfNode(tasks, node);
        string? address = variables.Text("MASTER_ADDR");
        if (address is null && variables.FirstText("SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST") is { } nodes)
            address = SlurmLists.Nodes(nodes).FirstOrDefault();
        if (address is null && localSize != world && world > 1)
            throw LaunchVariables.Half("SLURM_PROCID", "SLURM_STEP_NODELIST");
        return Local(variables, "SLURM_LOCALID", localSize, new LaunchPlace
        {
            Launcher = "srun (Slurm)",
            Kind = LaunchKind.Slurm,
            Process = rank,
            Processes = world,
            Address = address,
            Port = variables.Port("MASTER_PORT") ?? SlurmPort(variables),
            Run = Join(variables, "SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT"),
        });
    }

    /// <summary>A port that other jobs and steps on the same machine are unlikely to use.</summary>
    private static int SlurmPort(LaunchVariables variables)
    {
        return 15000 + (int)((Id("SLURM_JOB_ID") + Id("SLURM_STEP_ID")) % 10000);

        long Id(string name) => long.TryParse(variables.Text(name), NumberStyles.None, null, out long id) ? id % 10000 : 0;
    }

    private static string? BatchScriptNote(LaunchVariables variables) =>
        variables.Number("SLURM_NTASKS") is > 1 and { } tasks
            ? $"Slurm has room for {tasks} tasks, but this process was started without srun and is alone: "
                + "use srun to start a process for each."
            : null;

    private static LaunchPlace Local(LaunchVariables variables, string localRank, int? localSize, LaunchPlace place)
    {
        int? local = variables.Number(localRank);
        if (local >= localSize)
            throw LaunchVariables.Wrong($"{localRank} is {local}, but this machine has {localSize} processes: correct one");
        if (localSize > place.Processes)
            throw LaunchVariables.Wrong($"this machine has {localSize} processes, but all have {place.Processes}: correct the variables");
        return place with { LocalProcess = local, LocalProcesses = localSize };
    }

    private static string Join(LaunchVariables variables, params IEnumerable<string> names) =>
        string.Join('.', names.Select(variables.Text).OfType<string>());
}
