using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Commands;
using Lapidary.Cli.Output;

namespace Lapidary.Cli.Tests.CommandLine;

public class CommandWordsTests
{
    private static readonly Terminal Nowhere = new(TextReader.Null, TextWriter.Null, TextWriter.Null);

    [Theory]
    [InlineData("--learning_rate 1e-4", "--learning-rate 1e-4")]
    [InlineData("--learning_rate=1e-4", "--learning-rate=1e-4")]
    [InlineData("--lr 1 --lr 2", "--learning-rate 2")]
    [InlineData("--lr 1 --learning_rate=2", "--learning-rate=2")]
    [InlineData("--dataset a --dataset b", "--dataset a --dataset b")]
    [InlineData("--epochs 2 --batch-size 4", "--num-train-epochs 2 --per-device-train-batch-size 4")]
    [InlineData("-r 8 -o out", "--lora-r 8 --output-dir out")]
    [InlineData("--max_seq_length 64 -m base", "--max-length 64 --model base")]
    [InlineData("--packing", "--packing=true")]
    [InlineData("--packing false --packing", "--packing=true")]
    [InlineData("--packing --packing false --seed 1", "--packing false --seed 1")]
    [InlineData("--no-packing --seed -1", "--packing=false --seed -1")]
    [InlineData("--packing maybe", "--packing maybe")]
    [InlineData("--json --json", "--json")]
    [InlineData("--resume --json", "--resume --json")]
    [InlineData("--resume_from_checkpoint last", "--resume last")]
    [InlineData("--template --foo_bar", "--template --foo_bar")]
    [InlineData("--modle x", "--modle x")]
    [InlineData("-r8 -o./out", "--lora-r=8 --output-dir=./out")]
    [InlineData("-lr 1", "-lr 1")]
    [InlineData("--no-bf16 --no-load-in-4bit", "--quantization=none")]
    [InlineData("--target_modules q_proj v_proj --modules_to_save lm_head", "--target-modules q_proj,v_proj --modules-to-save lm_head")]
    [InlineData("--dataset a b --lr 1", "--dataset a --dataset b --learning-rate 1")]
    [InlineData("--model_id google/gemma-3-1b-pt", "--model google/gemma-3-1b-pt")]
    [InlineData("--dataset_kwargs {'add_special_tokens':False,'append_concat_token':True}",
        "--add-special-tokens=False --append-concat-token=True")]
    [InlineData("--quantization_config {\"load_in_4bit\":true,\"bnb_4bit_compute_dtype\":null}", "--quantization=nf4")]
    [InlineData("--optim adamw_torch_fused --bf16 true --tf32 true --bias none --task_type CAUSAL_LM", "")]
    [InlineData("--fp16 --lr 1", "--dtype=float16 --learning-rate 1")]
    [InlineData("--fp16 false --bf16 true", "")]
    [InlineData("--fp16 --lr 1 --no-fp16", "--learning-rate 1")]
    [InlineData("--fp16 false --fp16", "--dtype=float16")]
    [InlineData("--dtype bfloat16 --fp16 false", "--dtype bfloat16")]
    [InlineData("--torch_dtype torch.float16", "--dtype=float16")]
    [InlineData("--load-in-4bit true --bnb_4bit_use_double_quant True", "--quantization=nf4 --double-quant True")]
    [InlineData("--load_in_4bit --bnb-4bit-quant-type nf4 --bnb-4bit-compute-dtype torch.bfloat16", "--quantization=nf4")]
    [InlineData("--attn-implementation flash_attention_2 --device_map auto --torch_dtype bfloat16", "--device auto --dtype=bfloat16")]
    [InlineData("--gradient_checkpointing_kwargs={'use_reentrant':False} --lr 1", "--learning-rate 1")]
    [InlineData("--report-to tensorboard --gradient_checkpointing_kwargs {\"use_reentrant\":false}", "--report-to tensorboard")]
    public void Names_AreTheCommandsOwn(string typed, string expected) => Assert.Equal(expected, Resolve(TrainCommand.Create, typed));

    [Fact]
    public void AFlag_LeavesTheWordsOfACommandAlone()
    {
        Assert.Equal("--private=true folder me/name", Resolve(UploadCommand.Create, "--private folder me/name"));
        Assert.Equal("--private false folder me/name", Resolve(UploadCommand.Create, "--private false folder me/name"));
    }

    [Fact]
    public void ANameStandsForWhatTheCommandHas()
    {
        Assert.Equal("--output out --dtype=bfloat16", Resolve(MergeCommand.Create, "-o out --torch_dtype torch.bfloat16"));
        Assert.Equal("270m --gradient-checkpointing auto", Resolve(BenchCommand.Create, "270m --gradient_checkpointing auto"));
        Assert.Equal("--batch 2", Resolve(BenchCommand.Create, "--batch-size 2"));
        Assert.Equal("--optim adafactor", Resolve(DoctorCommand.Create, "--optim adafactor"));
    }

    [Theory]
    [InlineData("--optim adafactor", "--optim: expected adamw_torch or adamw_torch_fused, found \"adafactor\"; AdamW is the only")]
    [InlineData("--load_in_8bit true", "use --quantization nf4 for 4 bits")]
    [InlineData("--report-to wandb", "--report-to: expected tensorboard or none, found \"wandb\"; only TensorBoard's events are written")]
    [InlineData("--logging-strategy epoch", "log lines come every --logging-steps")]
    [InlineData("--trust-remote-code true", "never run")]
    [InlineData("--torch-dtype float64", "--torch-dtype: expected auto, float32, bfloat16 or float16, found")]
    [InlineData("--torch-dtype torch.half", "found \"half\"; did you mean float16?")]
    [InlineData("--dtype fp16", "--dtype: expected auto, float32, bfloat16 or float16, found \"fp16\"; did you mean float16?")]
    [InlineData("--dtype half", "did you mean float16?")]
    [InlineData("--dtype bf16", "did you mean bfloat16?")]
    [InlineData("--dtype torch.bfloat16", "did you mean bfloat16?")]
    [InlineData("--dtype fp32", "did you mean float32?")]
    [InlineData("--optim", "--optim: expected a value")]
    [InlineData("--dataset_kwargs x", "--dataset-kwargs: expected a dictionary such as {\"key\": value}, found \"x\"")]
    [InlineData("--dataset_kwargs {\"foo\":1}", "there is no option or command --foo=1")]
    [InlineData("--learning-rate", "--learning-rate: expected a number, found nothing")]
    [InlineData("--config", "--config: expected FILE, found nothing")]
    [InlineData("-- --lr 1", "lapidary train takes options only")]
    public void WhatCannotBeHonoured_IsOneLine(string typed, string words) =>
        CliRun.Of(["train", .. typed.Split(' ')]).AssertError(2, words);

    /// <summary>Another tool's option that stands for a value that the command does not take; the last one given counts.</summary>
    [Theory]
    [InlineData("--fp16", "--fp16, which is --dtype float16: expected auto, float32 or bfloat16, found")]
    [InlineData("--dtype float32 --fp16", "--fp16, which is --dtype float16: expected")]
    [InlineData("--fp16 --dtype float16", "--dtype: expected auto, float32 or bfloat16, found \"float16\".")]
    [InlineData("--fp16 --dtype bf16", "--dtype: expected auto, float32 or bfloat16, found \"bf16\"; did you mean bfloat16?")]
    [InlineData("--dtype fp16", "--dtype: expected auto, float32 or bfloat16, found \"fp16\".")]
    [InlineData("--fp16 --dtype float32", "--adapter is missing")]
    public void AValueThatTheCommandLacks_IsRefusedByTheNameThatWasTyped(string typed, string words) =>
        CliRun.Of(["merge", "--output", "x", .. typed.Split(' ')]).AssertError(2, words);

    [Theory]
    [InlineData("tain", "Did you mean train?")]
    [InlineData("--verison", "Did you mean --version?")]
    [InlineData("train eval-datset x", "Did you mean --eval-dataset?")]
    [InlineData("report run --ouput x.html", "Did you mean --output?")]
    [InlineData("runs --srt time", "Did you mean --sort?")]
    [InlineData("ask x.csv --fromat table", "Did you mean --format?")]
    [InlineData("bench --sise 270m", "Did you mean --size?")]
    [InlineData("train --epoch 3", "Did you mean --epochs?")]
    [InlineData("train --attn_implementatio eager", "Did you mean --attn-implementation?")]
    [InlineData("help tain", "Did you mean train?")]
    [InlineData("cache prun", "expected list, rm or prune, found prun. Did you mean prune?")]
    [InlineData("help cache prun", "expected list, rm or prune, found prun. Did you mean prune?")]
    [InlineData("train --LR 1", "Did you mean --lr?")]
    [InlineData("train -lr 1", "Did you mean --lr?")]
    [InlineData("train --rank 8", "Did you mean --lora-r?")]
    [InlineData("train --alpha 8", "Did you mean --lora-alpha?")]
    [InlineData("train --warmup 8", "Did you mean --warmup-ratio or --warmup-steps?")]
    [InlineData("train --learnin 8", "Did you mean --learning-rate?")]
    [InlineData("train --data x", "Did you mean --dataset?")]
    [InlineData("train --output x", "Did you mean --output-dir?")]
    [InlineData("train --cpu", "Did you mean --device cpu?")]
    [InlineData("train --dry-run", "Did you mean --preview?")]
    [InlineData("merge --base_model x", "Did you mean --model?")]
    [InlineData("merge --output-dir x", "Did you mean --output?")]
    [InlineData("generate --temp 1", "Did you mean --temperature?")]
    [InlineData("generate --model m Hello", "A text is given as --prompt Hello.")]
    [InlineData("download a/b config.json", "A file is named by --include config.json.")]
    [InlineData("finetune", "there is no command finetune. Did you mean: lapidary train")]
    [InlineData("inspect --model m --dataset d", "Did you mean: lapidary train --model m --dataset d --preview")]
    [InlineData("evaluate", "Did you mean: lapidary eval")]
    [InlineData("perplexity", "Did you mean: lapidary score")]
    [InlineData("rm a/b", "Did you mean: lapidary cache rm a/b")]
    [InlineData("server", "Did you mean: lapidary serve")]
    public void UnknownWords_HaveASuggestion(string typed, string words) => CliRun.Of(typed.Split(' ')).AssertError(2, words);

    [Theory]
    [InlineData("train --ab 1")]
    [InlineData("train --xy 1")]
    [InlineData("score --lx 1")]
    public void UnrelatedNames_AreNotSuggested(string typed) =>
        Assert.DoesNotContain("Did you mean", CliRun.Of(typed.Split(' ')).Error, StringComparison.Ordinal);

    [Theory]
    [InlineData("train", "--model (or --adapter) and --dataset are missing.")]
    [InlineData("train --dataset x", "--model (or --adapter) is missing.")]
    [InlineData("train --adapter x", "--dataset is missing.")]
    [InlineData("merge", "--adapter and --output are missing.")]
    [InlineData("generate", "--model (or --adapter) and --prompt (or --messages, --input-ids, --dataset) are missing.")]
    [InlineData("plan", "--size (or --model, --adapter, --gpu) is missing.")]
    [InlineData("upload", "DIR and ID are missing: lapidary upload DIR ID.")]
    [InlineData("upload x", "ID is missing: lapidary upload DIR ID.")]
    [InlineData("cache rm", "ID is missing: lapidary cache rm ID.")]
    [InlineData("completions", "SHELL is missing")]
    public void WhatIsMissing_IsNamedInOneLine(string typed, string words) => CliRun.Of(typed.Split(' ')).AssertError(2, words);

    private static string Resolve(Func<Terminal, ToolCommand> create, string typed) =>
        string.Join(' ', new CommandWords(create(Nowhere), "lapidary").Resolve(typed.Split(' ')));
}
