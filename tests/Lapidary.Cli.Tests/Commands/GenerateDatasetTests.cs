using System.Text.Json;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Commands;

public sealed class GenerateDatasetTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Answers_KeepTheColumns_AndEqualSinglePrompts()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl",
        [
            """{"id": 7, "input_ids": [2, 9, 4], "note": "kept"}""",
            """{"id": 8, "input_ids": [2, 30], "note": null}""",
        ]);
        string output = _folder["answers.jsonl"];
        var json = Generate(rows, "--output", output, "--json").Ok().Json;
        Assert.Equal((2, 0), (json.GetProperty("rows").GetInt32(), json.GetProperty("failed").GetInt32()));

        var answers = Lines(output);
        Assert.Equal(
            ["id", "input_ids", "note", "output", "output_ids", "finish_reason"], answers[0].EnumerateObject().Select(p => p.Name));
        Assert.Equal((7, "kept"), (answers[0].GetProperty("id").GetInt32(), answers[0].GetProperty("note").GetString()));
        foreach (var (ids, answer) in new[] { "2,9,4", "2,30" }.Zip(answers))
        {
            var single = CliRun.Of(
                "generate", "--model", TinyModel.Folder, "--input-ids", ids, "--max-new-tokens", "5", "--threads", "1", "--json").Ok().Json;
            Assert.Equal(single.GetProperty("output_ids").GetRawText(), answer.GetProperty("output_ids").GetRawText());
            int count = answer.GetProperty("output_ids").GetArrayLength();
            Assert.Equal(count < 5 ? "stop" : "length", answer.GetProperty("finish_reason").GetString());
        }
    }

    [Fact]
    public void WithoutAFile_TheLinesAreStandardOutput()
    {
        string rows = TinyModel.WriteRows(_folder.Path, [[2, 9], [2, 10], [2, 11]]);
        string output = _folder["answers.jsonl"];
        Generate(rows, "--output", output).Ok();
        Assert.Equal(File.ReadAllText(output), Generate(rows).Ok().Out);
    }

    /// <summary>A pipe has the rows of its file, and an unfinished file goes on with the same rows from another pipe.</summary>
    [Theory]
    [InlineData("-")]
    [InlineData("/dev/stdin")]
    public void RowsOfAPipe_HaveTheAnswersOfAFile(string pipe)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the shell is Unix's");
        string rows = TinyModel.WriteRows(_folder.Path, [[2, 9], [2, 10], [2, 11]]);
        string expected = Generate(rows).Ok().Out, output = _folder["answers.jsonl"];
        Assert.Equal(expected, Piped(rows).Ok().Out);

        using (var stopped = new CancellationTokenSource())
        {
            stopped.Cancel();
            Assert.Equal(130, CliRun.Of("", stopped.Token, Arguments(TinyModel.Folder, rows, "--output", output)).ExitCode);
        }

        File.WriteAllText(output + ".partial", expected.Split('\n')[0] + "\n");
        string others = TinyModel.WriteLines(_folder.Path, "others.jsonl", ["""{"input_ids": [2, 8]}"""]);
        Piped(others, "--output", output, "--resume").AssertError(1, "another model, other rows or other options");
        Piped(rows, "--output", output, "--resume").Ok();
        Assert.Equal(expected, File.ReadAllText(output));

        CliRun Piped(string rows, params string[] more)
        {
            using var tool = Tool.StartInShell($"< '{rows}'", Arguments(TinyModel.Folder, pipe, more));
            return tool.End();
        }
    }

    [Fact]
    public void APipeThatIsNamedTwice_IsRefused() => CliRun.Of([.. Arguments(TinyModel.Folder, "-", "--dataset", "-")])
        .AssertError(2, "--dataset: a pipe can be read once");

    [Fact]
    public void ASchema_HoldsEachAnswer_AndIsPartOfWhatResumedAnswersDependOn()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl", ["""{"prompt": "Hi"}""", """{"prompt": "Hello"}"""]);
        string schema = TinyModel.WriteLines(_folder.Path, "schema.json", ["""{"enum": ["a", 7]}"""]);
        string output = _folder["answers.jsonl"];
        using (var stopped = new CancellationTokenSource())
        {
            stopped.Cancel();
            string[] begun = Arguments(TinyModel.WithTokenizer, rows, "--json-schema", schema, "--output", output);
            Assert.Equal(130, CliRun.Of("", stopped.Token, begun).ExitCode);
        }

        string first = """{"prompt": "Hi", "output": "7", "output_ids": [2], "finish_reason": "stop"}""";
        File.WriteAllText(output + ".partial", first + "\n");
        Ask(rows, "--output", output, "--resume").AssertError(1, "another model, other rows or other options");
        Ask(rows, "--json-schema", schema, "--output", output, "--resume").Ok();
        Assert.All(Lines(output), answer =>
        {
            Assert.Equal("stop", answer.GetProperty("finish_reason").GetString());
            string[] values = ["\"a\"", "7"];
            Assert.Contains(answer.GetProperty("output").GetString()!, values);
        });
    }

    [Fact]
    public void AConversationsAnswer_IsLeftOut_AndAPromptNeedsNone()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl",
        [
            """{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}""",
            """{"messages": [{"role": "user", "content": "Hi"}]}""",
        ]);
        var answers = Lines(Ask(rows).Ok().Out.Split('\n'));
        Assert.Equal(answers[0].GetProperty("output_ids").GetRawText(), answers[1].GetProperty("output_ids").GetRawText());
        Assert.Equal(2, answers[0].GetProperty("messages").GetArrayLength());

        string prompts = TinyModel.WriteLines(_folder.Path, "prompts.jsonl", ["""{"prompt": "Hi"}"""]);
        Assert.Single(Lines(Ask(prompts).Ok().Out.Split('\n')));
    }

    [Fact]
    public void ARowThatIsNoQuestion_StaysWithItsError_AndTheOthersAreAnswered()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl",
            ["""{"input_ids": [2, 9]}""", """{"other": 1}""", """{"input_ids": [2, 10]}"""]);
        string output = _folder["answers.jsonl"];
        var run = Generate(rows, "--output", output);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("rows.jsonl line 2", run.Error, StringComparison.Ordinal);
        var answers = Lines(output);
        Assert.Equal(JsonValueKind.Null, answers[1].GetProperty("output_ids").ValueKind);
        Assert.Contains("line 2", answers[1].GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Array, answers[2].GetProperty("output_ids").ValueKind);
    }

    [Fact]
    public void ADataSetWithoutQuestions_IsRefusedAtOnce()
    {
        string one = TinyModel.WriteLines(_folder.Path, "one.jsonl", ["""{"other": 1}"""]);
        Generate(one).AssertError(1, "one.jsonl line 1", "; there is no other row to answer.\n");
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl", ["""{"other": 1}""", """{"other": 2}"""]);
        string output = _folder["answers.jsonl"];
        Generate(rows, "--output", output).AssertError(1, "rows.jsonl line 1", "\"input_ids\"", "none of the 2 rows");
        Assert.False(File.Exists(output) || File.Exists(output + ".partial"));
    }

    /// <summary>A model that fails at the first answer leaves nothing, so that the next try is not refused.</summary>
    [Fact]
    public void AFailureBeforeTheFirstAnswer_LeavesNoFile()
    {
        const string Name = "model.layers.0.mlp.down_proj.weight";
        string rows = TinyModel.WriteRows(_folder.Path, TinyModel.Runs(2)), output = _folder["out.jsonl"];
        string model = Variant.Of(TinyModel.Folder, tensors => tensors[Name] = tensors[Name].With(element: 0, float.NaN));
        CliRun.Of(Arguments(model, rows, "--output", output)).AssertError(1, Name);
        Assert.Equal(["rows.jsonl"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName));
        Generate(rows, "--output", output).Ok();
    }

    [Fact]
    public void Resume_EndsWithTheSameFile_AndNothingBesideIt()
    {
        string rows = TinyModel.WriteRows(_folder.Path, TinyModel.Runs(6));
        string whole = _folder["whole.jsonl"], output = _folder["out.jsonl"];
        Generate(rows, "--output", whole, "--do-sample").Ok();
        string[] lines = File.ReadAllLines(whole);

        // As a run that was killed in the middle of its third line leaves it.
        Generate(rows, "--output", output, "--do-sample").Ok();
        File.Delete(output);
        using (var stopped = new CancellationTokenSource())
        {
            stopped.Cancel();
            Assert.Equal(130, CliRun.Of("", stopped.Token, Arguments(TinyModel.Folder, rows, "--output", output, "--do-sample")).ExitCode);
        }

        File.WriteAllText(output + ".partial", $"{lines[0]}\n{lines[1]}\n{lines[2][..20]}");
        using (File.Open(output + ".partial", FileMode.Open, FileAccess.Read, FileShare.None)) // whose removal would lose its answers
        {
            foreach (string[] more in new[] { [], new[] { "--resume", "--do-sample" } })
                Generate(rows, ["--output", output, .. more]).AssertError(1, "another process may be writing it: wait for it to end");
        }

        Generate(rows, "--output", output).AssertError(1, "were begun here", "--resume");
        Generate(rows, "--output", output, "--resume").AssertError(1, "another model, other rows or other options");
        Generate(rows, "--output", output, "--do-sample", "--resume").Ok();
        Assert.Equal(File.ReadAllText(whole), File.ReadAllText(output));
        Assert.Equal(["out.jsonl", "rows.jsonl", "whole.jsonl"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order());

        byte[] before = File.ReadAllBytes(output);
        Generate(rows, "--output", output).AssertError(1, "is there already");
        Assert.Contains("is complete", Generate(rows, "--output", output, "--resume").Ok().Error, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(output));
    }

    /// <summary>A kill between the last row and the file's final name.</summary>
    [Fact]
    public void Resume_OfAFileWithAllRows_GivesItItsName()
    {
        string rows = TinyModel.WriteRows(_folder.Path, TinyModel.Runs(3)), output = _folder["out.jsonl"];
        Generate(rows, "--output", output).Ok();
        string all = File.ReadAllText(output);
        File.Delete(output);
        using (var stopped = new CancellationTokenSource())
        {
            stopped.Cancel();
            Assert.Equal(130, CliRun.Of("", stopped.Token, Arguments(TinyModel.Folder, rows, "--output", output)).ExitCode);
        }

        File.WriteAllText(output + ".partial", all);
        Generate(rows, "--output", output, "--resume").Ok();
        Assert.Equal(all, File.ReadAllText(output));
        Assert.Equal(["out.jsonl", "rows.jsonl"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Resume_OfACompleteFile_ReadsIt()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl", ["""{"input_ids": [2, 9]}""", """{"other": 1}"""]);
        string output = _folder["out.jsonl"];
        Assert.Equal(1, Generate(rows, "--output", output).ExitCode);
        Assert.Equal(1, Generate(rows, "--output", output, "--resume").ExitCode); // a row has failed, as before
        string more = TinyModel.WriteLines(
            _folder.Path, "more.jsonl", ["""{"input_ids": [2, 9]}""", """{"other": 1}""", """{"input_ids": [5]}"""]);
        Generate(more, "--output", output, "--resume").AssertError(1, "is complete with answers to 2 rows, the data set has 3");
        string others = TinyModel.WriteLines(_folder.Path, "others.jsonl", ["""{"input_ids": [2, 8]}""", """{"other": 1}"""]);
        Generate(others, "--output", output, "--resume").AssertError(1, "out.jsonl line 1: answers another row", "input_ids differs");
        Generate(rows, "--output", rows, "--resume").AssertError(1, "rows.jsonl line 1", "expected an answer");
        File.WriteAllText(_folder["empty.jsonl"], "");
        Generate(rows, "--output", _folder["empty.jsonl"], "--resume").AssertError(1, "found an empty file");
        File.WriteAllText(output + ".partial", "");
        Generate(rows, "--output", output, "--resume").AssertError(1, "is there beside the unfinished");
    }

    [Fact]
    public void AnOutputThatCannotBe_IsRefusedAtOnce()
    {
        string rows = TinyModel.WriteRows(_folder.Path, [[2, 9]]);
        Generate(rows, "--output", _folder.Path).AssertError(2, "--output", "is a folder; name a file in it");
        Generate(rows, "--resume").AssertError(2, "--output");
        Generate(rows, "--output", Path.Combine(rows, "sub", "a.jsonl"))
            .AssertError(1, "a.jsonl: expected a folder above it, found the file " + rows);
        Assert.Single(Lines(Generate(rows, "--output", "-").Ok().Out.Split('\n')));
    }

    [Fact]
    public void AColumnThatTheAnswerReplaces_IsNamed()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl", ["""{"input_ids": [2, 9], "output": "gold"}"""]);
        Assert.Contains("rows have a column output", Generate(rows).Ok().Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData()]
    [InlineData("--do-sample", "--temperature", "1.5", "--min-p", "0.05", "--repetition-penalty", "1.3")]
    public void Answers_DoNotDependOnTheBatchSize(params string[] more)
    {
        var random = new Random(3);
        string rows = TinyModel.WriteRows(_folder.Path, [.. Enumerable.Range(0, 20).Select(_ => Ids(1 + random.Next(60)))]);
        string one = Generate(rows, [.. more, "--batch-size", "1"]).Ok().Out;
        Assert.Equal(20, one.Count(c => c == '\n'));
        foreach (string size in new[] { "3", "64" }) Assert.Equal(one, Generate(rows, [.. more, "--batch-size", size]).Ok().Out);
        Assert.Equal(one, Generate(rows, more).Ok().Out);

        int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(1000))];
    }

    [Fact]
    public void StopIds_EndAnAnswer_AndAreNotPartOfIt()
    {
        string rows = TinyModel.WriteRows(_folder.Path, [[2, 9, 4]]);
        int[] ids = Ids(Generate(rows, "--ignore-eos").Ok());
        var stopped = Generate(rows, "--ignore-eos", "--stop-token-ids", $"{ids[3]},1023").Ok();
        Assert.Equal(ids.TakeWhile(id => id != ids[3]), Ids(stopped));
        Assert.Equal("stop", Lines(stopped.Out.Split('\n'))[0].GetProperty("finish_reason").GetString());
        Generate(rows, "--stop-token-ids", "x").AssertError(2, "--stop-token-ids", "\"x\"");
    }

    [Fact]
    public void AStopText_EndsAnAnswerBeforeIt_AsForASinglePrompt()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "prompts.jsonl", ["""{"prompt": "List the names of all cities"}"""]);
        string whole = Lines(Ask(rows, "--ignore-eos").Ok().Out.Split('\n'))[0].GetProperty("output").GetString()!;
        Assert.True(whole.Length > 4, whole);
        string stop = whole[2..4];
        var answer = Lines(Ask(rows, "--ignore-eos", "--stop", stop, "--stop", "nowhere").Ok().Out.Split('\n'))[0];
        string expected = whole[..whole.IndexOf(stop, StringComparison.Ordinal)];
        Assert.Equal((expected, "stop"), (answer.GetProperty("output").GetString(), answer.GetProperty("finish_reason").GetString()));
        var single = CliRun.Of(
            "generate", "--model", TinyModel.WithTokenizer, "--prompt", "List the names of all cities", "--max-new-tokens", "5",
            "--threads", "1", "--ignore-eos", "--stop", stop, "--json").Ok().Json;
        Assert.Equal(expected, single.GetProperty("text").GetString());
        Assert.Equal(answer.GetProperty("output_ids").GetRawText(), single.GetProperty("output_ids").GetRawText());
    }

    [Theory]
    [InlineData("[2, 5000]", "expected ids from 0 to 1023, found 5000 at index 1")]
    [InlineData("[]", "expected at least one token")]
    public void ARowThatDoesNotFitTheModel_StaysWithItsError(string ids, string problem)
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl", ["""{"input_ids": [2, 9]}""", $$"""{"input_ids": {{ids}}}"""]);
        var run = Generate(rows);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("rows.jsonl line 2", run.Error, StringComparison.Ordinal);
        Assert.Contains(problem, Lines(run.Out.Split('\n'))[1].GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--prompt", "Hi")]
    [InlineData("--chat")]
    public void OptionsOfASinglePrompt_AreRefused(params string[] more) =>
        Generate(TinyModel.WriteRows(_folder.Path, [[2]]), more).AssertError(2, more[0]);

    [Fact]
    public void OptionsOfADataSet_NeedOne() =>
        CliRun.Of("generate", "--model", TinyModel.Folder, "--input-ids", "2", "--output", _folder["x.jsonl"]).AssertError(2, "--dataset");

    private static CliRun Generate(string rows, params string[] more) => CliRun.Of(Arguments(TinyModel.Folder, rows, more));

    private static CliRun Ask(string rows, params string[] more) => CliRun.Of(Arguments(TinyModel.WithTokenizer, rows, more));

    private static int[] Ids(CliRun run) =>
        [.. Lines(run.Out.Split('\n'))[0].GetProperty("output_ids").EnumerateArray().Select(id => id.GetInt32())];

    private static string[] Arguments(string model, string rows, params string[] more) =>
        ["generate", "--model", model, "--dataset", rows, "--max-new-tokens", "5", "--threads", "1", .. more];

    private static JsonElement[] Lines(string file) => Lines(File.ReadAllLines(file));

    private static JsonElement[] Lines(IEnumerable<string> lines) =>
        [.. lines.Where(line => line.Length > 0).Select(line => JsonDocument.Parse(line).RootElement)];
}
