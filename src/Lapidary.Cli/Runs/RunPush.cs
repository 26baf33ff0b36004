using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Hub;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Hub;
using Lapidary.Training;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Cli.Runs;

/// <summary>The push of a run to the Hub.</summary>
internal sealed class RunPush : IDisposable
{
    /// <summary>Digits of a commit that are enough to recognize it.</summary>
    private const int CommitLength = 12;

    private readonly HubClient _client;

    private RunPush(HubClient client, HubPublisher publisher) => (_client, Publisher) = (client, publisher);

    /// <summary>Pushes.</summary>
    public HubPublisher Publisher { get; }

    /// <summary>Creates the repository, or checks that it can be written to; null if nothing is to be pushed. run.yaml gets the whole
    /// id.</summary>
    /// <param name="run">The command.</param>
    /// <param name="config">Of the run.</param>
    /// <param name="isResumed">Whether the run is resumed: then it is pushed to the same repository.</param>
    /// <exception cref="HubException">It cannot be pushed.</exception>
    public static RunPush? Start(CommandRun run, SftConfig config, bool isResumed)
    {
        var push = HubSettings.Read(run.Values);
        if (!push.PushToHub) return null;
        if (isResumed && push.HubModelId is null) push = push with { HubModelId = FormerId(run.Values, config.OutputDir) };
        var client = new HubClient(HubTransfer.OptionsOf(run));
        try
        {
            var publisher = HubPublisher.StartAsync(client, push, config).GetAwaiter().GetResult();
            publisher.ByHand = folder => $"finish with: {UploadCommand(folder, publisher.Repo)}";
            run.Values.Supply(HubSettings.ModelId, publisher.Repo.Id);
            return new RunPush(client, publisher);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>The id that the run was pushed to; null if it was not.</summary>
    public string? PushedId => Publisher is { Commit: not null, Failure: null } ? Publisher.Repo.Id : null;

    /// <summary>Shows where the run was pushed to.</summary>
    public void Show(TextWriter people)
    {
        if (PushedId is not { } id) return;
        people.WriteLine($"pushed     {id} at {Publisher.Commit![..CommitLength]}");
        people.WriteLine($"page       {Publisher.Page}");
    }

    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteString("hub_model_id", Publisher.Repo.Id);
        json.WriteString("hub_commit", Publisher.Failure is null ? Publisher.Commit : null);
    }

    public void Dispose()
    {
        Publisher.Dispose();
        _client.Dispose();
    }

    private static string? FormerId(SettingValues values, string outputDir)
    {
        string path = Path.Combine(outputDir, RunSettings.FileName);
        if (!File.Exists(path)) return null;
        return RunFile.Read(path, values.All).Values.TryGetValue(HubSettings.ModelId, out var id) ? id.Text : null;
    }

    private static string UploadCommand(string folder, HubRepo repo) =>
        $"lapidary upload {ShellText.Quote(folder)} {repo.Id}"
        + string.Concat(RunResults.Own.Select(name => $" --exclude {ShellText.Quote(name)}"));
}
