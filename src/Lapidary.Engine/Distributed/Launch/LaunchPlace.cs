using Lapidary.Engine.Distributed.Launch;
using Lapidary.Formats;

namespace Lapidary.Engine;

/// <summary>Which of a run's processes this one is, as the program that started them says by environment variables: mpirun, srun,
/// torchrun, the operators of Kubernetes, and others.</summary>
/// <remarks>A process has one rank or several, a thread for each device: process p of those with g ranks has the ranks p · g to
/// p · g + g − 1.</remarks>
public sealed record LaunchPlace
{
    /// <summary>The variable that makes all others be ignored, where it is "none".</summary>
    internal const string Switch = "LAPIDARY_LAUNCH";

    /// <summary>torchrun's, and that of whoever names no other.</summary>
    internal const int DefaultPort = 29500;

    internal LaunchPlace()
    {
    }

    /// <summary>A process that nobody started together with others.</summary>
    public static LaunchPlace Alone { get; } = new();

    /// <summary>Who started the processes: "mpirun (Open MPI)". Null where this process is alone.</summary>
    public string? Launcher { get; internal init; }

    /// <summary>What the user should know although nothing is wrong, such as a batch script of Slurm that does not use srun; or
    /// null.</summary>
    public string? Note { get; internal init; }

    /// <summary>From 0 to <see cref="Processes"/> − 1.</summary>
    public int Process { get; internal init; }

    /// <summary>How many processes the run has.</summary>
    public int Processes { get; internal init; } = 1;

    /// <summary>Whether there is a process for each machine, which drives all its devices, not one for each device.</summary>
    public bool IsPerNode => Kind == LaunchKind.Nodes;

    /// <summary>How many ranks each process has, where the variables say so.</summary>
    public int? RanksPerProcess { get; internal init; }

    /// <summary>Which of its machine's processes this is, where the variables say so.</summary>
    public int? LocalProcess { get; internal init; }

    /// <summary>How many of the run's processes this machine has, where the variables say so.</summary>
    public int? LocalProcesses { get; internal init; }

    /// <summary>Name or IP address of the machine with rank 0; null where MPI has to say it.</summary>
    public string? Address { get; internal init; }

    /// <summary>The port at which rank 0 awaits the others; null where MPI has to say it.</summary>
    public int? Port { get; internal init; }

    internal LaunchKind Kind { get; init; }

    /// <summary>Tells this run from others that use the same address, and one start of it from the next; may be empty.</summary>
    internal string Run { get; init; } = "";

    /// <summary>The variable that says <see cref="RanksPerProcess"/>.</summary>
    internal string? RanksVariable { get; init; }

    /// <summary>Whether all processes are on this machine.</summary>
    internal bool IsOneHost => !IsPerNode && LocalProcesses == Processes;

    /// <summary>What this process's environment says.</summary>
    /// <exception cref="LapidaryException">Variables are missing, or contradict each other.</exception>
    public static LaunchPlace Find() => Find(Environment.GetEnvironmentVariable);

    /// <summary>What some variables say.</summary>
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
    /// <param name="devices">How many ranks each process has.</param>
    public int RankOf(int device, int devices) => (Process * devices) + device;

    /// <summary>Which of the GPUs that this process sees is its own, where it has one rank.</summary>
    /// <param name="visible">How many GPUs this process sees.</param>
    /// <returns>The local rank, or 0 where the launcher shows each process one GPU only.</returns>
    /// <exception cref="LapidaryException">There are fewer GPUs than processes.</exception>
    public int DeviceIndex(int visible)
    {
        if (visible == 1 || LocalProcess is not { } local) return 0;
        if (local < visible) return local;
        throw new LapidaryException($"{Launcher} started {local + 1} processes or more on this machine, which has {visible} GPUs: "
            + "start one process for each GPU.");
    }

    /// <summary>One line for people: "ranks from mpirun (Open MPI): rank 1 of 4".</summary>
    public override string ToString() =>
        Launcher is null ? "one process" : $"ranks from {Launcher}: {(IsPerNode ? "node" : "rank")} {Process} of {Processes}";
}
