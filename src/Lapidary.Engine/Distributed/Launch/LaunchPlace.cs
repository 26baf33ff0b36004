using Lapidary.Engine.Distributed.Launch;
using Lapidary.Formats;

namespace Lapidary.Engine;

/// <summary>This process's place among the processes of a run, taken from the environment variables of a launcher: mpirun, srun, torchrun,
/// operators of Kubernetes, and others.</summary>
/// <remarks>A process has one rank, or several with a thread for each device. With g ranks in each process, process p has the ranks p · g
/// to p · g + g − 1.</remarks>
public sealed record LaunchPlace
{
    /// <summary>If this variable is "none", all others are ignored.</summary>
    internal const string Switch = "LAPIDARY_LAUNCH";

    /// <summary>torchrun's port, used if no other is set.</summary>
    internal const int DefaultPort = 29500;

    internal LaunchPlace()
    {
    }

    /// <summary>A process that was started alone.</summary>
    public static LaunchPlace Alone { get; } = new();

    /// <summary>The launcher: "mpirun (Open MPI)". Null if this process is alone.</summary>
    public string? Launcher { get; internal init; }

    /// <summary>A hint for the user, such as a batch script of Slurm that does not use srun; or null.</summary>
    public string? Note { get; internal init; }

    /// <summary>From 0 to <see cref="Processes"/> − 1.</summary>
    public int Process { get; internal init; }

    /// <summary>Number of processes in the run.</summary>
    public int Processes { get; internal init; } = 1;

    /// <summary>Whether the launcher starts one process for each machine, which drives all its devices, instead of one for each
    /// device.</summary>
    public bool IsPerNode => Kind == LaunchKind.Nodes;

    /// <summary>Number of ranks in each process, if the variables have it.</summary>
    public int? RanksPerProcess { get; internal init; }

    /// <summary>Index of this process on its machine, if the variables have it.</summary>
    public int? LocalProcess { get; internal init; }

    /// <summary>Number of the run's processes on this machine, if the variables have it.</summary>
    public int? LocalProcesses { get; internal init; }

    /// <summary>Name or IP address of the machine with rank 0; null if MPI must provide it.</summary>
    public string? Address { get; internal init; }

    /// <summary>The port on which rank 0 accepts the others; null if MPI must provide it.</summary>
    public int? Port { get; internal init; }

    internal LaunchKind Kind { get; init; }

    /// <summary>Distinguishes this run from others with the same address, and one start from the next; may be empty.</summary>
    internal string Run { get; init; } = "";

    /// <summary>Name of the variable with <see cref="RanksPerProcess"/>.</summary>
    internal string? RanksVariable { get; init; }

    /// <summary>Whether all processes are on this machine.</summary>
    internal bool IsOneHost => !IsPerNode && LocalProcesses == Processes;

    /// <summary>Reads this process's environment.</summary>
    /// <exception cref="LapidaryException">Variables are missing, or contradict each other.</exception>
    public static LaunchPlace Find() => Find(Environment.GetEnvironmentVariable);

    /// <summary>Reads variables.</summary>
    /// <param name="variable">The value of a variable, or null.</param>
    /// <exception cref="LapidaryException">Variables are missing, or contradict each other.</exception>
    public static LaunchPlace Find(Func<string, string?> variable)
    {
        var variables = new LaunchVariables(variable);
        return variables.Text(Switch) switch
        {
            null => Launchers.Find(variables),
            "none" => Alone,
            var other => throw new LapidaryException($"{Switch} is '{other}': expected 'none', which ignores launchers, or nothing."),
        };
    }

    /// <summary>The rank of one of this process's devices.</summary>
    /// <param name="device">From 0 on.</param>
    /// <param name="devices">Number of ranks in each process.</param>
    public int RankOf(int device, int devices) => (Process * devices) + device;

    /// <summary>Index of this process's GPU among the visible ones, if it has one rank.</summary>
    /// <param name="visible">Number of GPUs that this process sees.</param>
    /// <returns>The local rank, or 0 if the launcher shows each process only one GPU.</returns>
    /// <exception cref="LapidaryException">The machine has fewer GPUs than processes.</exception>
    public int DeviceIndex(int visible)
    {
        if (visible == 1 || LocalProcess is not { } local) return 0;
        if (local < visible) return local;
        throw new LapidaryException($"{Launcher} started {local + 1} processes or more on this machine, which has {visible} GPUs: "
            + "start one process for each GPU.");
    }

    /// <summary>One line to print: "ranks from mpirun (Open MPI): rank 1 of 4".</summary>
    public override string ToString() =>
        Launcher is null ? "one process" : $"ranks from {Launcher}: {(IsPerNode ? "node" : "rank")} {Process} of {Processes}";
}
