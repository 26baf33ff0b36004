using System.Text.Json;

namespace Lapidary.Engine.Distributed.Launch;

/// <summary>Launchers that start a process for each machine, which drives all its devices: operators of Kubernetes, SageMaker.</summary>
/// <remarks>RANK without LOCAL_RANK is a machine's, whatever WORLD_SIZE counts: Kubeflow's PyTorchJob counts ranks, Alibaba's DLC
/// machines.</remarks>
internal static class NodeLaunchers
{
    /// <summary>Reads the variables; null if they are not set.</summary>
    public static LaunchPlace? Find(LaunchVariables variables) =>
        ByRank(variables) ?? Kubeflow(variables) ?? IndexedJob(variables) ?? SageMaker(variables) ?? Nothing(variables);

    private static LaunchPlace? ByRank(LaunchVariables variables)
    {
        if (!variables.Has("RANK")) return null;
        int world = variables.Number("WORLD_SIZE", least: 1) ?? throw LaunchVariables.Half("RANK", "WORLD_SIZE");
        int node = variables.Number("RANK")!.Value;
        int? nodes = Nodes(variables);
        if (variables.Number("PET_NODE_RANK") is { } other && other != node)
            throw LaunchVariables.Wrong($"RANK is {node} and PET_NODE_RANK is {other}: expected the same number of this machine");
        var (variable, ranks) = RanksPerNode(variables);
        if (nodes is { } count && world != count && ranks is { } each && world != count * each)
            throw LaunchVariables.Wrong($"WORLD_SIZE is {world}, PET_NNODES {count} and {variable} {each}: expected {count * each}");
        return Place(variables, nodes is null ? "RANK and WORLD_SIZE, which count machines" : "Kubeflow PyTorchJob", "RANK", node,
            nodes is null ? "WORLD_SIZE" : "PET_NNODES", nodes ?? world);
    }

    private static LaunchPlace? Kubeflow(LaunchVariables variables)
    {
        if (variables.Number("PET_NODE_RANK") is not { } node) return null;
        int nodes = Nodes(variables) ?? throw LaunchVariables.Half("PET_NODE_RANK", "PET_NNODES");
        return Place(variables, "Kubeflow Trainer", "PET_NODE_RANK", node, "PET_NNODES", nodes);
    }

    /// <summary>A JobSet or indexed Job of Kubernetes. Only its manifest has the number of pods, so the user must set it.</summary>
    /// <remarks>A job with independent pods has an index too, but no address.</remarks>
    private static LaunchPlace? IndexedJob(LaunchVariables variables)
    {
        const string Index = "JOB_COMPLETION_INDEX";
        if (variables.Number(Index) is not { } node) return null;
        int? nodes = Nodes(variables) ?? variables.Number("WORLD_SIZE", least: 1);
        bool hasAddress = variables.FirstText("MASTER_ADDR", "PET_MASTER_ADDR") is not null;
        if (nodes is null && !hasAddress) return null;
        if (nodes is null) throw LaunchVariables.Half("MASTER_ADDR", "PET_NNODES, the number of pods,");
        return Place(variables, variables.Has("JOBSET_NAME") ? "a JobSet" : "an indexed Job", Index, node,
            variables.Has("PET_NNODES") ? "PET_NNODES" : "WORLD_SIZE", nodes.Value);
    }

    private static LaunchPlace? SageMaker(LaunchVariables variables)
    {
        if (!variables.Has("SM_HOSTS") && !variables.Has("SM_CURRENT_HOST")) return null;
        string list = variables.Text("SM_HOSTS") ?? throw LaunchVariables.Half("SM_CURRENT_HOST", "SM_HOSTS");
        string own = variables.Text("SM_CURRENT_HOST") ?? throw LaunchVariables.Half("SM_HOSTS", "SM_CURRENT_HOST");
        string[] hosts = HostsOf(list) ?? throw LaunchVariables.Wrong($"SM_HOSTS is '{list}': expected a JSON array of names");
        int node = Array.IndexOf(hosts, own);
        if (node < 0) throw LaunchVariables.Wrong($"SM_CURRENT_HOST is '{own}', which SM_HOSTS does not name: correct one");
        return Place(variables, "SageMaker", "SM_CURRENT_HOST", node, "SM_HOSTS", hosts.Length, address: hosts[0]);
    }

    /// <summary>Returns null if nothing is set; throws if a required variable is missing.</summary>
    private static LaunchPlace? Nothing(LaunchVariables variables)
    {
        if (Nodes(variables) is > 1) throw LaunchVariables.Half("PET_NNODES", "PET_NODE_RANK");
        if (variables.Number("WORLD_SIZE", least: 1) is > 1) throw LaunchVariables.Half("WORLD_SIZE", "RANK");
        return null;
    }

    private static LaunchPlace Place(
        LaunchVariables variables, string launcher, string index, int node, string count, int nodes, string? address = null)
    {
        if (node >= nodes)
            throw LaunchVariables.Wrong($"{index} is {node} and {count} is {nodes}: expected {index} from 0 to {nodes - 1}");
        address = variables.FirstText("MASTER_ADDR", "PET_MASTER_ADDR") ?? address;
        if (address is null && nodes > 1) throw LaunchVariables.Half(index, "MASTER_ADDR");
        var (variable, ranks) = RanksPerNode(variables);
        return new LaunchPlace
        {
            Launcher = launcher,
            Kind = LaunchKind.Nodes,
            Process = node,
            Processes = nodes,
            RanksPerProcess = ranks,
            RanksVariable = variable,
            LocalProcess = 0,
            LocalProcesses = 1,
            Address = address,
            Port = variables.Port("MASTER_PORT", "PET_MASTER_PORT") ?? LaunchPlace.DefaultPort,
        };
    }

    /// <summary>PET_NNODES; torchrun allows "2:4", for a number of machines that changes.</summary>
    private static int? Nodes(LaunchVariables variables)
    {
        if (variables.Text("PET_NNODES") is not { } text) return null;
        if (text.Split(':') is not [var least, var most]) return variables.Number("PET_NNODES", least: 1);
        return least == most ? new LaunchVariables(_ => least).Number("PET_NNODES", least: 1)
            : throw LaunchVariables.Wrong($"PET_NNODES is '{text}': expected one number, as the machines of a run do not change");
    }

    /// <summary>Number of ranks on a machine, if it is a number; "auto" and "gpu" mean its GPUs.</summary>
    private static (string? Variable, int? Ranks) RanksPerNode(LaunchVariables variables)
    {
        foreach (string name in (ReadOnlySpan<string>)["PET_NPROC_PER_NODE", "NPROC_PER_NODE"])
            if (variables.Text(name) is { } text)
                return text is "auto" or "gpu" or "cpu" ? (null, null) : (name, variables.Number(name, least: 1));
        return (null, null);
    }

    private static string[]? HostsOf(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Array) return null;
            JsonElement[] hosts = [.. document.RootElement.EnumerateArray()];
            return hosts.Length > 0 && Array.TrueForAll(hosts, host => host.ValueKind == JsonValueKind.String)
                ? [.. hosts.Select(host => host.GetString()!)] : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
