using System.Diagnostics;
using System.Runtime.InteropServices;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Tests.Hub;

namespace Lapidary.Cli.Tests.Commands;

/// <summary>What a command prints as the next one is typed into a shell, and works.</summary>
public sealed class NextStepsTests : IDisposable
{
    private const string Chat =
        """{"messages": [{"role": "user", "content": "it's SELECT"}, {"role": "assistant", "content": "stones"}]}""";

    private readonly TemporaryFolder _folder = new();

    public NextStepsTests() => Assert.SkipWhen(OperatingSystem.IsWindows(), "quoted as sh reads it");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("messages", Chat, "")]
    [InlineData("pair", """{"prompt": "it's - a", "completion": " b"}""", "")]
    [InlineData("lines", """{"prompt": "two\nlines", "completion": " b"}""", "")]
    [InlineData("option", """{"prompt": "--prompt", "completion": " b"}""", "")]
    [InlineData("text", """{"text": "SELECT \"stones\" $HOME"}""", "")]
    [InlineData("template", """{"sql_prompt": "it's SELECT", "sql_context": "stones", "sql": "SELECT"}""", "--template text-to-sql")]
    [InlineData("ids", """{"input_ids": [2, 5, 6]}""", "")]
    public void AfterTraining_AdapterMergedAndQuantizedModelAnswer(string name, string row, string options)
    {
        string rows = TinyModel.WriteLines(_folder.Path, $"{name}.jsonl", [row, row]);
        string text = Train(rows, $"my {name}", options.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Out;
        string[] afterTraining = Next(text);
        Assert.StartsWith("lapidary generate ", afterTraining[0], StringComparison.Ordinal);
        AssertNoNote(Works(afterTraining[0]));
        Assert.Equal(name is "messages" or "template", afterTraining[^1].StartsWith("lapidary chat ", StringComparison.Ordinal));
        string[] afterMerge = Next(Works(afterTraining[1]).Out);
        if (name != "ids") Assert.EndsWith(afterTraining[0].Split(" --quantization nf4")[1], afterMerge[0], StringComparison.Ordinal);
        Assert.Matches("^lapidary upload '?.*merged'? [a-z0-9-]+ --private$", afterMerge[2]);
        AssertNoNote(Works(afterMerge[0]));
        Assert.StartsWith("lapidary export gguf ", afterMerge[3], StringComparison.Ordinal);
        Works(afterMerge[3]);
        string afterQuantize = Assert.Single(Next(Works(afterMerge[1]).Out));
        AssertNoNote(Works(afterQuantize));
        Assert.Equal(name is "messages" or "template" or "ids", afterQuantize.Contains("--chat", StringComparison.Ordinal));
    }

    [Fact]
    public void RowsOfSql_AreFollowedByAnEvaluation()
    {
        const string Row = """{"sql_prompt": "How many?", "sql_context": "CREATE TABLE t (a); INSERT INTO t VALUES (1);", "sql": """;
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl", [Row + "\"SELECT a FROM t\"}"]);
        string held = TinyModel.WriteLines(_folder.Path, "held.jsonl", [Row + "\"SELECT COUNT(*) FROM t\"}"]);
        string eval = Next(Train(rows, "run", "--eval-dataset", held, "--template", "text-to-sql").Out)[2];
        Assert.StartsWith("lapidary eval ", eval, StringComparison.Ordinal);
        Assert.Contains("before", Works($"{eval} --max-new-tokens 2 --threads 1").Out, StringComparison.Ordinal);
    }

    [Fact]
    public void AConversation_IsAskedOfTheHeldOutRow()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl", [Chat, Chat]);
        string held = TinyModel.WriteLines(_folder.Path, "held.jsonl", [Chat.Replace("it's", "held out", StringComparison.Ordinal)]);
        string text = Train(rows, "run", "--eval-dataset", held).Out;
        Assert.Contains($"--messages {_folder["run/question.json"]}", Next(text)[0], StringComparison.Ordinal);
        Assert.Contains("held out SELECT", File.ReadAllText(_folder["run/question.json"]), StringComparison.Ordinal);
        Assert.DoesNotContain("asks a row that was trained on", text, StringComparison.Ordinal);
        string other = Train(rows, "other").Out;
        const string Note = "\nnote       there is no evaluation set, so the line below asks a row that was trained on;";
        Assert.Contains(Note, other, StringComparison.Ordinal);

        // A run's folder that is uploaded, and a model that is made of one, are asked the same.
        foreach (string input in (string[])[NextSteps.InputOf(_folder["run"]), NextSteps.InputOf(_folder["small"], _folder["run"])])
            Assert.Equal($"--messages {_folder["run/question.json"]}", input);
    }

    [Fact]
    public void APromptOfAnotherForm_IsNoticed_AlsoAfterMergeAndQuantize()
    {
        Train(TinyModel.WriteLines(_folder.Path, "rows.jsonl", [Chat]), "chat");
        string[] merge = ["merge", "--model", TinyModel.WithTokenizer, "--adapter", _folder["chat"], "--output", _folder["merged"]];
        CliRun.Of([.. merge, "--threads", "1"]).Ok();
        CliRun.Of("quantize", "--model", _folder["merged"], "--output", _folder["small"], "--threads", "1").Ok();
        string[][] models =
        [
            ["--model", TinyModel.WithTokenizer, "--adapter", _folder["chat"]], ["--model", _folder["merged"]],
            ["--model", _folder["small"]],
        ];
        foreach (string[] model in models)
        {
            string[] generate = ["generate", .. model, "--max-new-tokens", "1", "--threads", "1", "--prompt", "SELECT"];
            string note = CliRun.Of(generate).Ok().Error;
            Assert.Equal(1, note.Count(c => c == '\n'));
            Assert.Contains("conversations: add --chat", note, StringComparison.Ordinal);
            Assert.Equal("", CliRun.Of([.. generate, "--chat"]).Ok().Error);
        }

        Train(TinyModel.WriteLines(_folder.Path, "texts.jsonl", ["""{"text": "SELECT stones"}"""]), "plain");
        string[] plain = ["generate", "--model", TinyModel.WithTokenizer, "--adapter", _folder["plain"], "--prompt", "SELECT"];
        Assert.Equal("", CliRun.Of([.. plain, "--max-new-tokens", "1", "--threads", "1"]).Ok().Error);
        string other = CliRun.Of([.. plain, "--max-new-tokens", "1", "--threads", "1", "--chat"]).Ok().Error;
        Assert.Contains("plain text", other, StringComparison.Ordinal);
        string[] messages = [.. plain[..^2], "--messages", _folder["chat/question.json"], "--max-new-tokens", "1", "--threads", "1"];
        other = CliRun.Of(messages).Ok().Error;
        Assert.Contains("plain text, without a chat template: give --prompt TEXT.", other, StringComparison.Ordinal);
        messages[4] = _folder["chat"];
        Assert.Equal("", CliRun.Of(messages).Ok().Error);
    }

    /// <summary>The adapter's memory goes to the Hub and comes back.</summary>
    [Fact]
    public async Task ADownload_IsFollowedByWhatWorks()
    {
        await using var hub = await HubRun.StartAsync();
        Train(TinyModel.WriteLines(_folder.Path, "rows.jsonl", [Chat]), "chat");
        hub.Server.AddRepository("ada/chat", configure: repository =>
        {
            repository.AddFolder(_folder["chat"]);
            string config = File.ReadAllText(_folder["chat/adapter_config.json"]);
            var json = System.Text.Json.Nodes.JsonNode.Parse(config)!;
            json["base_model_name_or_path"] = HubRun.Model;
            repository.AddFiles(("adapter_config.json", json.ToJsonString()));
        });
        foreach (string id in (string[])[HubRun.Model, HubRun.Adapter, "ada/chat"])
        {
            string[] words = Words(Assert.Single(Next(hub.Run("download", id).Ok().Out)));
            var run = hub.Run([.. words[1..], "--max-new-tokens", "1", "--threads", "1"]).Ok();
            Assert.DoesNotContain("conversations", run.Error, StringComparison.Ordinal);
            Assert.Equal(id != HubRun.Adapter, words.Contains("--chat") || words.Contains("--messages"));
        }
    }

    [Fact]
    public void TheDemosCommands_CanBeTypedAgain()
    {
        var demo = CliRun.Of("demo", "--output-dir", _folder["d e'mo"], "--steps", "1", "--device", "cpu").Ok();
        const string Mark = "   $ ";
        var typed = demo.Out.Split('\n').Where(line => line.StartsWith(Mark, StringComparison.Ordinal));
        string[] steps = [.. typed.Select(line => line[Mark.Length..])];
        Assert.Equal(6, steps.Length);
        foreach (string step in steps) Works(step.Replace("max-new-tokens 160", "max-new-tokens 8", StringComparison.Ordinal));
        string[] next = Next(demo.Out);
        Assert.Equal(2, next.Length);
        Assert.StartsWith("lapidary ask ", next[0], StringComparison.Ordinal);

        // A step has taught it nothing: the line is one that it answers, or says that no query ran.
        string answer = CliRun.Of("ask", _folder["d e'mo/tables.db"], "How many?", "--model", _folder["d e'mo/merged"], "--json").Out;
        Assert.StartsWith("{\"question\":\"How many?\"", answer, StringComparison.Ordinal);
        Works(next[1]);
    }

    [Fact]
    public async Task AnUpload_IsFollowedByWhatWorks()
    {
        await using var hub = await HubRun.StartAsync();
        hub.Token = TestHub.HubTokens.Write;
        string next = Assert.Single(Next(hub.Run("upload", TinyModel.WithTokenizer, "tiny-model").Ok().Out));
        Assert.StartsWith("lapidary generate --model ada/tiny-model ", next, StringComparison.Ordinal);
        hub.Run([.. Words(next)[1..], "--max-new-tokens", "1", "--threads", "1"]).Ok();
    }

    [Fact]
    public void APreview_CountsRowsThatAreThereTwice_AndNamesTheFirstThatIsCut()
    {
        string rows = TinyModel.WriteRows(_folder.Path, [[2, 5, 6], [2, 7, 8], [2, 5, 6], [2, 7, 8], .. TinyModel.Runs(3)]);
        string[] args = ["train", "--model", TinyModel.Folder, "--dataset", rows, "--max-length", "9", "--preview"];
        var run = CliRun.Of(args).Ok();
        Assert.Contains("duplicates 2 rows repeat an earlier one; the first is row 3, like row 1\n", run.Out, StringComparison.Ordinal);
        Assert.Contains("cut        1 row; the first is row 7\n", run.Out, StringComparison.Ordinal);
        var json = CliRun.Of([.. args, "--json"]).Ok().Json;
        Assert.Equal((2, 7), (json.GetProperty("duplicate_rows").GetInt32(), json.GetProperty("first_truncated_row").GetInt32()));
    }

    private CliRun Train(string rows, string output, params string[] options) => CliRun.Of([
        "train", "--model", TinyModel.WithTokenizer, "--dataset", rows, "--output-dir", _folder[output], "--max-steps", "1",
        "--max-length", "256", "--threads", "1", "--device", "cpu", "--modules-to-save", "none", .. options]).Ok();

    /// <summary>The command lines under the label.</summary>
    private static string[] Next(string text)
    {
        string[] lines = text.Split('\n');
        int first = Array.FindIndex(lines, line => line.StartsWith("next       ", StringComparison.Ordinal));
        Assert.True(first >= 0, text);
        return [.. lines.Skip(first).TakeWhile(line => line.Length > 11).Select(line => line[11..])];
    }

    /// <summary>None but that a tiny model's answer does not end.</summary>
    private static void AssertNoNote(CliRun run) => Assert.DoesNotContain(
        run.Error.Split('\n'),
        line => line.Contains("note ", StringComparison.Ordinal) && !line.Contains("the answer was cut", StringComparison.Ordinal));

    /// <summary>Types a line into a shell, as it is.</summary>
    private CliRun Works(string line)
    {
        var start = new ProcessStartInfo("sh", ["-c", line])
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = $"{AppContext.BaseDirectory}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{line}\n{error.Result}");
        return new CliRun(process.ExitCode, output.Result, error.Result);
    }

    /// <summary>The words of a line with quotes at most around one of them.</summary>
    private static string[] Words(string line)
    {
        string[] parts = line.Split('\'');
        return parts.Length == 1
            ? line.Split(' ')
            : [.. parts[0].TrimEnd().Split(' '), parts[1], .. parts[2].Split(' ', StringSplitOptions.RemoveEmptyEntries)];
    }
}
