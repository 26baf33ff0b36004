using System.Diagnostics;
using Lapidary.Tests;

namespace Lapidary.TestHub.Tests;

/// <summary>npm's @huggingface/hub against the server: what it takes is what real clients take.</summary>
public class NodeTests
{
    [Fact]
    public async Task NodeClient_ReadsAndWrites()
    {
        string folder = Path.Combine(Fixtures.Repository, "tests", "Lapidary.HubServer", "clients", "node");
        Assert.SkipUnless(Directory.Exists(Path.Combine(folder, "node_modules", "@huggingface", "hub")),
            $"@huggingface/hub is not installed: run \"npm ci\" in {folder}");
        await using var server = await HubServer.StartAsync(new HubServerOptions
        {
            PageSize = 4,
            ExpandedPageSize = 4,
            MultipartFrom = 1 << 20,
            PartBytes = 400_000,
            SendsUnknownKeys = true,
        }, Client.Cancel);
        HubSeeds.AddForClients(server);
        var start = new ProcessStartInfo("node", ["check.mjs", server.ApiUrl])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var node = Start(start);
        Assert.SkipWhen(node is null, "node is not installed");
        var (output, error) = (node.StandardOutput.ReadToEndAsync(Client.Cancel), node.StandardError.ReadToEndAsync(Client.Cancel));
        await node.WaitForExitAsync(Client.Cancel);
        Assert.True(node.ExitCode == 0, await output + await error + string.Join('\n', server.Requests.TakeLast(5)));
        Assert.Empty(server.Violations);
    }

    private static Process? Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
