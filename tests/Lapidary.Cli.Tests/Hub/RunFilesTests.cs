using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Commands;
using Lapidary.Cli.Recipes;
using Lapidary.Cli.Settings;
using Lapidary.TestHub;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Hub;

/// <summary>The guide's run as files, one for each size: all of it but the size of model and data, from the ids to the pushed
/// adapter.</summary>
public class RunFilesTests
{
    private const string DataSet = "philschmid/gretel-synthetic-text-to-sql";

    public static TheoryData<string> Sizes => ["270m", "1b", "4b", "12b", "27b"];

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task AGuidesRun_GoesFromItsIdsToThePushedAdapter(string size)
    {
        string name = $"gemma-3-{size}-text-to-sql", file = Path.Combine(Fixtures.Repository, "runs", $"{name}.yaml");
        var settings = RunFile.Read(file, TrainCommand.AllSettings).Values;
        string model = settings[TrainCommand.Model.Model].Text, tokenizer = settings[TrainCommand.Model.Tokenizer].Text;
        Assert.Equal(DataSet, settings[DataSettings.DataSet].Text);
        await using var hub = await HubRun.StartAsync();
        hub.Token = HubTokens.Write;
        Serve(hub.Server, model, tokenizer, isMultimodal: size is not ("270m" or "1b"));

        string output = hub.Folder[name];
        var run = hub.Run(
            "train", "--config", file, "--output-dir", output, "--select", "24", "--test-size", "4", "--max-steps", "2",
            "--dataset-cache", "none", "--threads", "1").Ok();
        Assert.Contains($"model      {model}: ", run.Out, StringComparison.Ordinal);
        Assert.Contains("done       2 steps", run.Out, StringComparison.Ordinal);
        var pushed = hub.Server.Find($"ada/{name}")!;
        Assert.True(pushed.IsPrivate);
        var files = pushed.Head.Files;
        using var config = JsonDocument.Parse(files["adapter_config.json"].Content.ToArray());
        Assert.Equal(model, config.RootElement.GetProperty("base_model_name_or_path").GetString());
        Assert.True(files.ContainsKey("adapter_model.safetensors"));
        Assert.True(files.ContainsKey("tokenizer.json"));
        string card = System.Text.Encoding.UTF8.GetString(files["README.md"].Content.ToArray());
        Assert.Contains($"base_model: {model}", card, StringComparison.Ordinal);
        Assert.Contains(DataSet, card, StringComparison.Ordinal);
        Assert.DoesNotContain(hub.Folder.Path, card, StringComparison.Ordinal);
        Assert.DoesNotContain("stones", card, StringComparison.Ordinal);

        // Whoever has the id has the model.
        hub.Run("generate", "--adapter", $"ada/{name}", "--prompt", "SELECT", "--max-new-tokens", "1", "--threads", "1").Ok();
        hub.AssertNoViolations();
    }

    [Fact]
    public async Task WhoHasTheToolAlone_HasTheFilesByName()
    {
        Assert.Equal(Sizes.Count, Recipe.Names.Count);
        await using var hub = await HubRun.StartAsync();
        Serve(hub.Server, HubRun.Model, HubRun.Tokenizer, isMultimodal: false);
        string[] train = ["train", "--select", "24", "--test-size", "4", "--dataset-cache", "none", "--preview"];
        var run = hub.Run([.. train, "--config", "gemma-3-1b-text-to-sql"]).Ok();
        Assert.Contains("rows 20", run.Out, StringComparison.Ordinal);
        hub.Run([.. train, "--config", "runs/gemma-3-1b-text-to-sql.yaml"]).AssertError(1, "--config gemma-3-1b-text-to-sql.");
    }

    private static void Serve(HubServer server, string model, string tokenizer, bool isMultimodal)
    {
        if (server.Find(model) is null)
        {
            server.AddRepository(model, configure: repository =>
                repository.AddFolder(isMultimodal ? Fixtures.Path("tiny/multimodal") : TinyModel.Folder));
        }

        if (server.Find(tokenizer) is null)
            server.AddRepository(tokenizer, configure: repository => repository.AddFolder(Fixtures.SmallTokenizer));
        string[] rows =
        [
            .. Enumerable.Range(0, 30).Select(i =>
                $$"""{"id": {{i}}, "sql_prompt": "Show stones {{i}}.", "sql_context": "CREATE TABLE t (a INT);","""
                + $$""" "sql": "SELECT {{i}} FROM t;"}"""),
        ];
        server.AddRepository(DataSet, HubRepoKind.Dataset, repository => repository.AddFiles(
            ("README.md", "---\nlicense: apache-2.0\n---\n# Rows\n"), ("data_train.jsonl", string.Join('\n', rows)),
            ("data_test.jsonl", rows[0])));
    }
}
