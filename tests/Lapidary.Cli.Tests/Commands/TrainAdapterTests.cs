using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Commands;

/// <summary>Runs that start from an adapter, and the tokenizer that a run keeps.</summary>
public sealed class TrainAdapterTests : TrainRuns
{
    [Fact]
    public void Train_OnFromAnAdapter_StartsWhereItEnded()
    {
        CliRun.Of([.. Args("first", rows: 2), "--max-steps", "2", "--lora-r", "4"]).Ok();
        string[] args = [.. Args("second", rows: 2).Select(arg => arg == "5e-3" ? "0" : arg)];
        CliRun.Of([.. args, "--adapter", _folder["first"], "--max-steps", "1"]).Ok();
        Assert.Equal(Adapter("first"), Adapter("second"));
    }

    /// <summary>An adapter has its rank, layers and modules; what is given beside it must be the same, in whichever words. Dropout belongs
    /// to a run.</summary>
    [Fact]
    public void Train_BesideAnAdapter_RefusesWhatDiffersFromIt_AndWritesWhatItIs()
    {
        string adapter = Variant.Of(
            Fixtures.Path("tiny/adapter"), json: config => (config["r"], config["use_rslora"]) = (4, false));
        string[] start =
        [
            "train", "--model", TinyModel.Folder, "--dataset", Rows(4), "--threads", "1", "--packing", "false", "--max-length", "16",
            "--max-steps", "1", "--gradient-accumulation-steps", "1", "--adapter", adapter, "--output-dir",
        ];
        (string Option, string Value, string Words)[] cases =
        [
            ("--lora-r", "16", "has lora_r 4, found --lora-r 16"), ("--lora-alpha", "9", "has lora_alpha 8, found --lora-alpha 9"),
            ("--target-modules", "q_proj", "found --target-modules q_proj"),
            ("--modules-to-save", "lm_head", "has modules_to_save none, found --modules-to-save lm_head"),
            ("--use-rslora", "true", "has use_rslora false, found --use-rslora true"),
        ];
        foreach (var (option, value, words) in cases)
        {
            CliRun.Of([.. start, _folder["refused"], option, value]).AssertError(1, adapter, words, "leave the option out");
            Assert.False(Directory.Exists(_folder["refused"]));
        }

        string[] same = ["--lora-r", "4", "--target-modules", "all-linear", "--modules-to-save", "none", "--lora-dropout", "0.25"];
        CliRun.Of([.. start, _folder["same"], .. same]).Ok();
        string written = File.ReadAllText(Path.Combine(_folder["same"], "adapter_config.json"));
        Assert.Contains("\"lora_dropout\": 0.25,", written, StringComparison.Ordinal);

        CliRun.Of([.. start, _folder["bare"]]).Ok();
        string yaml = File.ReadAllText(Path.Combine(_folder["bare"], "run.yaml"));
        Assert.Contains("lora_r: 4\n", yaml, StringComparison.Ordinal);
        Assert.Contains("modules_to_save: none\n", yaml, StringComparison.Ordinal);
        CliRun.Of("train", "--config", Path.Combine(_folder["bare"], "run.yaml"), "--output-dir", _folder["again"]).Ok();
    }

    /// <summary>The base has a tokenizer with a template of its own; the run is trained with another one.</summary>
    [Fact]
    public void Train_WithATokenizer_KeepsItBesideAdapterAndCheckpoint()
    {
        const string Template = "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}";
        string other = _folder["other"], row = """{"messages": [{"role": "user", "content": "SELECT stones"}]}""";
        Directory.CreateDirectory(other);
        File.Copy(Path.Combine(TinyModel.WithTokenizer, "tokenizer.json"), Path.Combine(other, "tokenizer.json"));
        File.WriteAllText(Path.Combine(other, "tokenizer_config.json"), "{}");
        File.WriteAllText(Path.Combine(other, "chat_template.jinja"), Template);
        string rows = TinyModel.WriteLines(_folder.Path, "texts.jsonl", ["""{"text": "SELECT stones"}"""]);
        string chat = TinyModel.WriteLines(_folder.Path, "chat.jsonl", [row]);
        string[] model = ["--model", TinyModel.WithTokenizer];
        var args = Args("out", dataset: rows).Select(arg => arg == TinyModel.Folder ? TinyModel.WithTokenizer : arg);
        CliRun.Of([.. args, "--max-steps", "1", "--tokenizer", other]).Ok();

        string Ids(params string[] folders) => CliRun.Of(["tokenize", "--file", chat, .. folders]).Ok().Out;
        string expected = Ids("--tokenizer", other);
        Assert.NotEqual(expected, Ids(model));
        Assert.Equal(expected, Ids([.. model, "--adapter", _folder["out"]]));
        Assert.Equal(expected, Ids([.. model, "--adapter", Path.Combine(_folder["out"], "checkpoint-1")]));
        Assert.Equal(Ids(model), Ids([.. model, "--adapter", _folder["out"], "--tokenizer", TinyModel.WithTokenizer]));
        string[] files = ["special_tokens_map.json", "tokenizer.model"];
        Assert.All(files, name => Assert.False(File.Exists(Path.Combine(_folder["out"], name)), name)); // of the base
    }

    /// <summary>What is saved has the run's tokenizer, also where the folder that it came from goes with the run that is
    /// replaced.</summary>
    [Fact]
    public void Train_WithTheTokenizerOfACheckpointItReplaces_KeepsIt()
    {
        CliRun.Of([.. TextArgs(), "--max-steps", "2"]).Ok();
        string start = Path.Combine(_folder["out"], "checkpoint-2");
        byte[] tokenizer = File.ReadAllBytes(Path.Combine(start, "tokenizer.json"));

        CliRun.Of([.. TextArgs(), "--max-steps", "1", "--adapter", start, "--overwrite-output-dir"]).Ok();

        string[] kept = ["tokenizer.json", "checkpoint-1/tokenizer.json", "initial-adapter/tokenizer.json"];
        Assert.All(kept, file => Assert.Equal(tokenizer, File.ReadAllBytes(Path.Combine(_folder["out"], file))));
        Assert.Empty(Directory.GetDirectories(_folder["out"], "tokenizer*"));
    }

    [Fact]
    public void Train_OnFromACheckpoint_HasTheTokenizerOfIt()
    {
        string other = _folder["other"];
        Directory.CreateDirectory(other);
        File.Copy(Path.Combine(TinyModel.WithTokenizer, "tokenizer.json"), Path.Combine(other, "tokenizer.json"));
        string settings = File.ReadAllText(Path.Combine(TinyModel.WithTokenizer, "tokenizer_config.json"));
        File.WriteAllText(Path.Combine(other, "tokenizer_config.json"), settings.Replace("<eos>", "<pad>", StringComparison.Ordinal));
        CliRun.Of([.. TextArgs(), "--max-steps", "1", "--tokenizer", other]).Ok();
        Directory.Delete(other, recursive: true);
        string[] args = ["train", "--config", Path.Combine(_folder["out"], "run.yaml"), "--resume", "--max-steps", "2"];
        CliRun.Of([.. args, "--tokenizer", TinyModel.WithTokenizer]).AssertError(1, "other data");

        CliRun.Of(args).Ok();

        string saved = File.ReadAllText(Path.Combine(_folder["out"], "checkpoint-2", "tokenizer_config.json"));
        Assert.Equal(File.ReadAllText(Path.Combine(_folder["out"], "checkpoint-1", "tokenizer_config.json")), saved);
        Assert.NotEqual(settings, saved);
    }

    private string[] TextArgs()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "texts.jsonl", ["""{"text": "SELECT stones"}"""]);
        return [.. Args("out", dataset: rows).Select(arg => arg == TinyModel.Folder ? TinyModel.WithTokenizer : arg)];
    }
}
