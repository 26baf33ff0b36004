using System.Text;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Training;

namespace Lapidary.Cli.Ranks;

/// <summary>The places of all ranks of a run, for the line that shows them.</summary>
/// <param name="Places">For each rank: its host, its device, and the device's description.</param>
/// <param name="Exchange">The library that exchanges data between them.</param>
/// <param name="Link">The connection between GPUs of this machine, or null.</param>
internal sealed record RankDevices(IReadOnlyList<(string Host, string Device, string Description)> Places, string Exchange, string? Link)
{
    private const char Separator = '\t';

    /// <summary>Collects it from all ranks; every rank must call it.</summary>
    public static RankDevices Gather(LocalRank rank, ICommunicator communicator, IBackend backend)
    {
        string mine = string.Join(Separator, Environment.MachineName, rank.Device, backend.Description);
        var places = communicator.Ranks.Gather(Encoding.UTF8.GetBytes(mine))
            .Select(bytes => Encoding.UTF8.GetString(bytes).Split(Separator)).Select(parts => (parts[0], parts[1], parts[2])).ToArray();
        return new RankDevices(places, communicator.Description, LinkOf(places));
    }

    /// <summary>"2 from srun (Slurm): cuda:0, cuda:1 on node-a; NVIDIA H100; NCCL 2.28.3 over NVLink", and the effective batch.</summary>
    public void Show(CommandRun run, SftConfig config, string? launcher)
    {
        int ranks = Places.Count;
        if (ranks == 1) return;
        var hosts = Places.GroupBy(place => place.Host).Select(host => $"{Devices([.. host.Select(place => place.Device)])} on {host.Key}");
        string devices = string.Join("; ", Places.Select(place => place.Description).Distinct());
        run.People.WriteLine($"ranks      {ranks}{(launcher is null ? "" : $" from {launcher}")}: {string.Join("; ", hosts)}; {devices}; "
            + $"{Exchange}{(Link is null ? "" : $" over {Link}")}");
        run.People.WriteLine($"           {EffectiveBatch.Of(config, ranks)}");
    }

    private static string Devices(string[] devices) =>
        devices.Length > 1 && devices.Distinct().Count() == 1 ? $"{devices.Length} × {devices[0]}" : string.Join(", ", devices);

    /// <summary>The slowest connection between GPUs of this machine; null if unknown.</summary>
    private static string? LinkOf((string Host, string Device, string Description)[] places)
    {
        if (places.Length < 2) return null;
        if (places.Any(place => place.Host != places[0].Host)) return "the network";
        var gpus = CudaDevice.All().Where(gpu => places.Any(place => place.Device == $"cuda:{gpu.Ordinal}")).ToArray();
        return gpus.Length == places.Length ? GpuLinks.Slowest(gpus) : null;
    }
}
