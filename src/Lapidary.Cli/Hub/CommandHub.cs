using Lapidary.Cli.CommandLine;
using Lapidary.Hub;
using Lapidary.Training.Data.Sources;

namespace Lapidary.Cli.Hub;

/// <summary>The Hub client for a command's data sets: with a bar on a screen, and cancelled by Ctrl-C.</summary>
internal sealed class CommandHub(CommandRun run) : IHubAccess
{
    public T Ask<T>(string name, Func<HubClient, IProgress<TransferProgress>?, CancellationToken, Task<T>> call) =>
        HubTransfer.Run(run, name, (client, progress, stop) => call(client, progress, stop).GetAwaiter().GetResult());
}
