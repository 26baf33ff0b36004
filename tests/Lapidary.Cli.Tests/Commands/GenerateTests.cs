using System.IO.Pipes;
using System.Text;
using System.Text.Json;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Commands;

public sealed class GenerateTests : IDisposable
{
    private static readonly string[] Tiny = ["generate", "--model", TinyModel.Folder, "--threads", "1"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Generate_OfTheGoldenPrompt_IsTheGoldenOutput()
    {
        int[] prompt = TinyModel.Ids("tiny/generate.safetensors", "prompt"), all = TinyModel.Ids("tiny/generate.safetensors", "output");
        string[] options = ["--max-new-tokens", "40", "--ignore-eos", "--dtype", "float32", "--json"];
        var json = CliRun.Of([.. Tiny, "--input-ids", string.Join(',', prompt), .. options]).Ok().Json;
        Assert.Equal(all[prompt.Length..], json.GetProperty("output_ids").EnumerateArray().Select(id => id.GetInt32()));
        Assert.Equal("", json.GetProperty("text").GetString());
    }

    [Fact]
    public void Generate_WithoutJson_StreamsWhatJsonHas()
    {
        string[] args =
            ["generate", "--model", TinyModel.WithTokenizer, "--threads", "1", "--max-new-tokens", "6", "--ignore-eos", "--prompt"];
        const string Prompt = "SELECT stones";
        string text = CliRun.Of([.. args, Prompt, "--json"]).Ok().Json.GetProperty("text").GetString()!;
        Assert.NotEqual("", text);
        Assert.Equal(text + "\n", CliRun.Of([.. args, Prompt]).Ok().Out);
        Assert.Equal(text + "\n", CliRun.Of(Prompt, CancellationToken.None, [.. args, "-"]).Ok().Out);
    }

    [Fact]
    public void Generate_Sampling_DependsOnTheSeedAlone()
    {
        string[] options =
            ["--input-ids", "2,5,6", "--max-new-tokens", "8", "--do-sample", "--temperature", "50", "--ignore-eos"];
        string Text(string seed, string topK = "0") => CliRun.Of([.. Tiny, .. options, "--top-k", topK, "--seed", seed]).Ok().Out;
        Assert.Equal(Text("1"), Text("1"));
        Assert.NotEqual(Text("1"), Text("2"));
        Assert.Equal(Text("1"), Text("1", topK: "-1"));
        CliRun.Of([.. Tiny, .. options, "--top-k", "-2"])
            .AssertError(2, "--top-k: expected a whole number from -1 to 2147483647, found \"-2\"");
        CliRun.Of([.. Tiny, .. options, "--seed", "one"]).AssertError(2, "--seed: expected a whole number of 64 bits, found \"one\"");
    }

    [Fact]
    public void Generate_WithASchema_GivesItsJson()
    {
        string schema = WriteSchema("""{"properties": {"size": {"type": "integer", "minimum": 3}}, "required": ["size"]}""");
        string[] args =
            ["generate", "--model", TinyModel.WithTokenizer, "--threads", "1", "--prompt", "stones", "--json-schema", schema, "--json"];
        string text = CliRun.Of([.. args, "--max-new-tokens", "60"]).Ok().Json.GetProperty("text").GetString()!;
        var member = Assert.Single(JsonElement.Parse(text).EnumerateObject());
        Assert.Equal("size", member.Name);
        Assert.True(member.Value.GetInt64() >= 3);
        CliRun.Of([.. args, "--ignore-eos"]).AssertError(2, "leave --ignore-eos out");
        CliRun.Of([.. Tiny, "--input-ids", "2,5", "--json-schema", schema]).AssertError(1, "tokenizer.json");
    }

    [Theory]
    [InlineData("""{"type": "string", "pattern": "a"}""", "schema.json: JSON schema: $.pattern: not enforced here")]
    [InlineData("{\n\"type\"}", "schema.json: expected a JSON schema, found '}' in line 2, column 7; correct the file.")]
    public void Generate_WithASchemaThatIsNotEnforced_SaysSo(string schema, string message)
    {
        string[] args = ["generate", "--model", "no-such-folder", "--prompt", "stones", "--json-schema", WriteSchema(schema)];
        CliRun.Of(args).AssertError(1, message);
    }

    [Theory]
    [InlineData("""[{"role": "user", "content": "How many stones?"}]""")]
    [InlineData("""{"messages": [{"role": "user", "content": [{"type": "text", "text": "How many stones?"}]}]}""")]
    public void Generate_OfMessages_IsThatOfChat(string messages)
    {
        string file = TinyModel.WriteLines(_folder.Path, "messages.json", [messages]);
        string[] args =
            ["generate", "--model", TinyModel.WithTokenizer, "--threads", "1", "--max-new-tokens", "4", "--ignore-eos", "--json"];
        string expected = CliRun.Of([.. args, "--chat", "--prompt", "How many stones?"]).Ok().Out;
        Assert.Equal(expected, CliRun.Of([.. args, "--messages", file]).Ok().Out);
    }

    [Theory]
    [InlineData(" \n", "standard input: expected a list of messages", "found nothing.")]
    [InlineData("{\"messages\": []}", "found an empty list under messages.")]
    [InlineData("{\"messages\": \"x\"}", "found a string under messages.")]
    [InlineData("{\"a\": 1}", "without messages.")]
    [InlineData("\"x\"", "found a string.")]
    [InlineData("{\"messages\": []}\n{\"messages\": []}\n", "expected one conversation, found JSON Lines", "--dataset")]
    [InlineData("[\n  {\"role\" 1}]", "standard input: expected JSON, found '1' in line 2, column 11; look for a missing quote")]
    public void Generate_OfMessagesThatAreNone_SaysWhatIsWrong(string input, params string[] words)
    {
        var run = CliRun.Of(
            input, CancellationToken.None, "generate", "--model", TinyModel.WithTokenizer, "--threads", "1", "--messages", "-");
        run.AssertError(1, words);
        Assert.DoesNotContain("isFinalBlock", run.Error, StringComparison.Ordinal);
    }

    /// <summary>Beyond its context a model was never trained.</summary>
    [Fact]
    public void Generate_SaysWhatTheContextCuts_AndRefusesAPromptThatFillsIt()
    {
        string small = Variant.Of(TinyModel.Folder, json: config => config["max_position_embeddings"] = 20);
        string[] args = ["generate", "--model", small, "--threads", "1", "--ignore-eos", "--json", "--input-ids"];
        var whole = CliRun.Of([.. args, "2,5,6", "--max-new-tokens", "17"]).Ok();
        Assert.DoesNotContain("context", whole.Error, StringComparison.Ordinal);
        Assert.Equal(17, whole.Json.GetProperty("output_ids").GetArrayLength());
        var cut = CliRun.Of([.. args, "2,5,6", "--max-new-tokens", "18"]).Ok();
        Assert.Contains(
            "note       the prompt has 3 of the 20 tokens of the model's context: the answer is cut after 17 tokens, "
            + "before --max-new-tokens 18.", cut.Error, StringComparison.Ordinal);
        Assert.Equal(17, cut.Json.GetProperty("output_ids").GetArrayLength());
        string full = string.Join(',', Enumerable.Repeat(5, 20));
        CliRun.Of([.. args, full]).AssertError(1, "The prompt has 20 tokens, expected fewer than the model's context of 20");
    }

    [Fact]
    public void Generate_Interrupted_EndsWith130()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.Equal(130, CliRun.Of("", stop.Token, [.. Tiny, "--input-ids", "2,5"]).ExitCode);
    }

    [Fact]
    public void Generate_SaysWhatHasNoEffect()
    {
        string[] args = [.. Tiny, "--input-ids", "2,5,6", "--max-new-tokens", "3", "--ignore-eos"];
        var greedy = CliRun.Of(args).Ok();
        var noted = CliRun.Of([.. args, "--temperature", "0.5", "--top-k", "3"]).Ok();
        Assert.Equal(greedy.Out, noted.Out);
        Assert.Contains("--temperature, --top-k: no effect without --do-sample", noted.Error, StringComparison.Ordinal);
        Assert.Equal(greedy.Out, CliRun.Of([.. args, "--do-sample", "--temperature", "0"]).Ok().Out);
        Assert.Equal(greedy.Out, CliRun.Of([.. args, "--do-sample", "--temperature", "50", "--top-p", "0"]).Ok().Out);
        string model = _folder["model"];
        Directory.CreateDirectory(model);
        foreach (string file in Directory.GetFiles(TinyModel.Folder)) File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        File.WriteAllText(
            Path.Combine(model, "generation_config.json"),
            """{"temperature": 0.0, "do_sample": true, "num_beams": 4, "eos_token_id": 1}""");
        var other = CliRun.Of([.. args.Select(arg => arg == TinyModel.Folder ? model : arg)]).Ok();
        Assert.Equal(greedy.Out, other.Out);
        Assert.Contains("note       generation_config.json: not applied: num_beams 4", other.Error, StringComparison.Ordinal);

        args = [.. args.Select(arg => arg == TinyModel.Folder ? model : arg), "--do-sample"];
        var still = CliRun.Of(args).Ok();
        Assert.Equal(greedy.Out, still.Out);
        Assert.Contains("\"temperature\": 0 takes the likeliest token; --temperature draws others", still.Error, StringComparison.Ordinal);
        Assert.NotEqual(greedy.Out, CliRun.Of([.. args, "--temperature", "50"]).Ok().Out);

        File.WriteAllText(Path.Combine(model, "generation_config.json"), """{"top_p": 0.0, "eos_token_id": 1}""");
        args = [.. args, "--temperature", "50"];
        still = CliRun.Of(args).Ok();
        Assert.Equal(greedy.Out, still.Out);
        Assert.Contains("\"top_p\": 0 takes the likeliest token; --top-p draws others", still.Error, StringComparison.Ordinal);
        Assert.NotEqual(greedy.Out, CliRun.Of([.. args, "--top-p", "1"]).Ok().Out);
    }

    /// <summary>Whether tokens have a text or not.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Generate_WithoutAFirstToken_PrintsNothing(bool hasText)
    {
        const string Name = "model.layers.0.mlp.down_proj.weight";
        string folder = hasText ? TinyModel.WithTokenizer : TinyModel.Folder;
        string model = Variant.Of(folder, tensors => tensors[Name] = tensors[Name].With(element: 0, float.NaN));
        var run = CliRun.Of("generate", "--model", model, "--input-ids", "2,5", "--threads", "1");
        run.AssertError(1, "The logits after 2 tokens are not finite", Name);
        Assert.Equal("", run.Out);
    }

    /// <summary>Unless the limit was given, or the answer is to go on after its end.</summary>
    [Fact]
    public void Generate_OfAnAnswerThatIsCut_SaysSo()
    {
        const string Cut = "the answer was cut after 256 tokens; --max-new-tokens takes more.\n";
        string[] args = [.. Tiny, "--input-ids", "2,5,6"], limited = [.. args, "--max-new-tokens", "3"];
        Assert.EndsWith(Cut, CliRun.Of(args).Ok().Error, StringComparison.Ordinal);
        Assert.EndsWith(Cut, CliRun.Of([.. args, "--json"]).Ok().Error, StringComparison.Ordinal);
        Assert.DoesNotContain("was cut", CliRun.Of([.. args, "--ignore-eos"]).Ok().Error, StringComparison.Ordinal);
        Assert.DoesNotContain("was cut", CliRun.Of(limited).Ok().Error, StringComparison.Ordinal);

        // One that ends by itself, here at the second of its tokens.
        var ids = CliRun.Of([.. limited, "--json"]).Ok().Json.GetProperty("output_ids").EnumerateArray().Select(id => id.GetInt32());
        var ended = CliRun.Of([.. args, "--stop-token-ids", $"{ids.ElementAt(1)}"]).Ok();
        Assert.DoesNotContain("was cut", ended.Error, StringComparison.Ordinal);
    }

    /// <summary>As a shell writes the output of a command: &lt;(...).</summary>
    [Fact]
    public void Generate_OfMessagesInAPipe_ReadsThem()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The descriptors of a process have names in /dev/fd here.");
        const string Messages = """[{"role": "user", "content": "How many stones?"}]""";
        string[] args =
        [
            "generate", "--model", TinyModel.WithTokenizer, "--threads", "1", "--max-new-tokens", "4", "--ignore-eos", "--messages",
        ];
        string expected = CliRun.Of([.. args, TinyModel.WriteLines(_folder.Path, "messages.json", [Messages])]).Ok().Out;
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In);
        using (var writer = new AnonymousPipeClientStream(PipeDirection.Out, pipe.ClientSafePipeHandle))
            writer.Write(Encoding.UTF8.GetBytes(Messages));
        Assert.Equal(expected, CliRun.Of([.. args, $"/dev/fd/{pipe.SafePipeHandle.DangerousGetHandle()}"]).Ok().Out);
    }

    [Fact]
    public void Generate_RefusesStopTokensBeyondTheVocabulary()
    {
        string rows = TinyModel.WriteRows(_folder.Path, [[2, 9]]);
        foreach (string[] source in new string[][] { ["--input-ids", "2"], ["--input-ids", "2", "--ignore-eos"], ["--dataset", rows] })
        {
            CliRun.Of([.. Tiny, .. source, "--stop-token-ids", "5,1024"])
                .AssertError(2, "--stop-token-ids: expected ids from 0 to 1023, the model's vocabulary, found 1024;");
        }

        CliRun.Of([.. Tiny, "--input-ids", "2", "--max-new-tokens", "1", "--stop-token-ids", "1023"]).Ok();
    }

    [Fact]
    public void Generate_RefusesWhatItCannotContinue()
    {
        CliRun.Of([.. Tiny, "--input-ids", "2,5000"]).AssertError(1, "5000", "1023");
        CliRun.Of([.. Tiny, "--input-ids", "2,x"]).AssertError(2, "\"x\"");
        CliRun.Of([.. Tiny, "--prompt", "a", "--input-ids", "2"]).AssertError(2, "one of --prompt, --messages, --input-ids and --dataset");
        CliRun.Of([.. Tiny, "--prompt", "a"]).AssertError(1, "tokenizer.json", "--tokenizer");
        string file = TinyModel.WriteLines(_folder.Path, "messages.json", ["[", "{\"role\": 1}", "x"]);
        CliRun.Of("generate", "--model", TinyModel.WithTokenizer, "--messages", file)
            .AssertError(1, "messages.json: expected JSON, found the word x in line 3, column 1;");
        string lines = TinyModel.WriteLines(_folder.Path, "chat.jsonl", ["{}", "{}"]);
        CliRun.Of("generate", "--model", TinyModel.WithTokenizer, "--messages", lines)
            .AssertError(1, "chat.jsonl: expected one conversation, found JSON Lines");
    }

    [Fact]
    public void Generate_WithARunThatHasNotEnded_NamesItsNewestCheckpoint()
    {
        foreach (string name in (string[])["checkpoint-9", "checkpoint-10"])
        {
            string folder = Directory.CreateDirectory(Path.Combine(_folder["run"], name)).FullName;
            File.Copy(Fixtures.Path("tiny/adapter/adapter_config.json"), Path.Combine(folder, "adapter_config.json"));
        }

        CliRun.Of([.. Tiny, "--adapter", _folder["run"], "--input-ids", "2"])
            .AssertError(1, "expected adapter_config.json", $"such as {Path.Combine(_folder["run"], "checkpoint-10")}.");
    }

    private string WriteSchema(string json) => TinyModel.WriteLines(_folder.Path, "schema.json", [json]);
}
