using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Hub;
using Lapidary.Cli.Output;
using Lapidary.Cli.Runs;
using Lapidary.Formats;
using Lapidary.Gemma.Cards;
using Lapidary.Hub;
using Lapidary.Hub.Upload;

namespace Lapidary.Cli.Commands;

/// <summary>upload: sends a folder to a repository.</summary>
internal static class UploadCommand
{
    public const string Summary = "Upload a folder to the Hugging Face Hub as one commit.";

    private static readonly Argument<string> Folder = new("DIR") { Description = "The folder whose files are sent." };

    private static readonly Argument<string> Id =
        new("ID") { Description = "owner/name; name alone is one of yours. A missing repository is created." };

    private static readonly Setting<bool?> Private = Setting.OptionalFlag(
        "private", "Whether a repository that is made now is private; what the account's settings say where not given.");

    private static readonly Setting<string?> CommitMessage = Setting.Text("commit-message", "TEXT", "First line of the commit.");

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("upload", Summary,
                "text-to-sql me/gemma-text-to-sql --private",
                "merged me/gemma-text-to-sql-merged --exclude \"*.bin\" --commit-message \"Merged\" --json",
                "rows me/questions --repo-type dataset")
            .Takes(Folder)
            .Takes(Id)
            .Takes(HubWords.RepoKind, Private, HubWords.Revision, CommitMessage)
            .Takes(HubWords.Include, HubWords.Exclude)
            .Takes(ToolCommand.Json)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        string folder = run.Get(Folder)!, id = run.Get(Id)!;
        if (!Directory.Exists(folder))
        {
            string hint = Directory.Exists(id) ? $"the folder comes first: lapidary upload {ShellText.Quote(id)} ID" : "check the path";
            throw new ToolException($"{folder}: expected a folder, found {(File.Exists(folder) ? "a file" : "none")}; {hint}.");
        }

        var reference = HubWords.Reference(run, id);
        var options = new UploadOptions
        {
            Private = run.Values.Get(Private),
            CommitMessage = run.Values.Get(CommitMessage),
            Include = run.Get(HubWords.Include) ?? [],
            Exclude = run.Get(HubWords.Exclude) ?? [],
        };
        if (reference.Repo.Type == RepoType.Model)
        {
            SettingValues Settings(string file) => run.ReadSettings(file, TrainCommand.AllSettings);
            options = options with { Card = RunResults.Card(folder, reference.Repo, Settings, TrainCommand.Model) };
        }

        string? note = null;
        if (options is { Include.Count: 0, Exclude.Count: 0 } && RunResults.AreIn(folder))
        {
            note = "this is a run's folder, with paths of this machine, a row of the data and its checkpoints; to leave these here:"
                + string.Concat(RunResults.Own.Select(name => $" --exclude {ShellText.Quote(name)}"));
        }

        // A run's card names its folder; the uploaded card names the repository.
        if (options.Exclude.Contains(ModelCard.FileName)) options = options with { Card = null };
        else if (options.Card is not null && CardFile.IsOfARun(folder))
            options = options with { Exclude = [.. options.Exclude, ModelCard.FileName] };
        if (reference.Revision is { } revision) options = options with { Revision = revision };
        var result = HubTransfer.Run(run, reference.Repo.Id, (hub, progress, stop) =>
        {
            var told = note is null ? progress : new StartNote(() => run.Note(note), progress);
            return hub.UploadAsync(folder, reference.Repo, options with { Progress = told }, stop).GetAwaiter().GetResult();
        });
        run.PrintSummary(
            json =>
            {
                json.WriteString("url", result.Url);
                json.WriteString("commit", result.Commit);
            },
            people =>
            {
                people.WriteLine($"{reference.Repo.Id}: {Amount.Of(result.Files, "file")}, {ByteSize.Format(result.Bytes)}, "
                    + (result.TransferredFiles == 0 ? "all of them there already" : $"{result.TransferredFiles} new or changed"));
                people.WriteLine($"commit     {result.Commit}");
                people.WriteLine($"page       {result.Url}");
                var uploaded = RepoSetup.IdOfPage(reference.Repo, result.Url);
                if (reference.Revision is null && NextSteps.AfterUpload(uploaded, folder) is { } next) NextSteps.Show(people, next);
            });
    }
}
