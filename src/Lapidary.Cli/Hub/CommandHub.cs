using Lapidary.Cli.CommandLine;
using Lapidary.Hub;
using Lapidary.Training.Data.Sources;

namespace Lapidary.Cli.Hub;

/// <summary>The Hub as data sets of a command ask it: with a bar on a screen, and ended by Ctrl-C.</summary>
internal sealed class CommandHub(CommandRun run) : IHubAccess
{
    public T Ask<T>(string name, Func<HubClient, IProgress<TransferProgress>?, CancellationToken, Task<T>> call) =>
        HubTransfer.Run(run, name, (client, progress, stop) => call(client, progress, stop).GetAwaiter().GetResult());
}
