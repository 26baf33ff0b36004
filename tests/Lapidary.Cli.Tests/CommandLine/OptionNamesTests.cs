using Lapidary.Cli.CommandLine;
using Lapidary.Formats;

namespace Lapidary.Cli.Tests.CommandLine;

public class OptionNamesTests
{
    private static readonly OptionNames Options =
        new(["device", "dtype", "gradient_checkpointing", "max_length", "output", "output_dir", "resume", "save_steps", "threads"]);

    [Theory]
    [InlineData("max_length: expected at least 2 tokens.", "--max-length: expected at least 2 tokens.")]
    [InlineData("Try a smaller max_length.", "Try a smaller --max-length.")]
    [InlineData("max_length, save_steps and output_dir", "--max-length, --save-steps and --output-dir")]
    [InlineData("made with other data (max_length); start anew", "made with other data (--max-length); start anew")]
    [InlineData("is max_length right?", "is --max-length right?")]
    [InlineData("smaller max_length,\nor", "smaller --max-length,\nor")]
    [InlineData("MaxLength: expected at least 2 tokens.", "--max-length: expected at least 2 tokens.")]
    [InlineData("Try a smaller MaxLength, or GradientCheckpointing true.", "Try a smaller --max-length, or --gradient-checkpointing true.")]
    [InlineData("MaxLength must be from 2 to 9, got 1.", "--max-length must be from 2 to 9, got 1.")]
    public void AKeyOfSeveralWords_IsTheOption(string text, string expected) => Assert.Equal(expected, Options.InPlaceOfKeys(text));

    [Fact]
    public void AType_IsTheOption_ThoughItsPropertyLooksLikeTwoWords() => Assert.Equal(
        "so use --dtype bfloat16 where the device has it", new OptionNames(["dtype"]).InPlaceOfKeys(
            "so set DType to bfloat16 where the device has it"));

    [Fact]
    public void AFlag_NeedsNoValue() => Assert.Equal(
        "choose another name, or use --overwrite to replace it.",
        new OptionNames(["overwrite"], "overwrite").InPlaceOfKeys("choose another name, or set Overwrite to true to replace it."));

    [Theory]
    [InlineData("update it, or set device to cpu.", "update it, or use --device cpu.")]
    [InlineData("set device to my-run/checkpoint-2 and", "use --device my-run/checkpoint-2 and")]
    [InlineData("Set device to cuda:1, or", "Use --device cuda:1, or")]
    [InlineData("set gradient_checkpointing to true", "use --gradient-checkpointing true")]
    [InlineData("set save_steps to 0.5 (half)", "use --save-steps 0.5 (half)")]
    [InlineData("set output_dir to /tmp/other", "use --output-dir /tmp/other")]
    [InlineData("set OutputDir to /tmp/other", "use --output-dir /tmp/other")]
    [InlineData("set Threads to 4.", "use --threads 4.")]
    [InlineData("set OutputDir to a and SaveSteps to 5.", "use --output-dir a --save-steps 5.")]
    [InlineData("set OutputDir to a and LoraR to 5.", "use --output-dir a and LoraR to 5.")]
    [InlineData("Threads must be at least 0, got -1.", "threads must be at least 0, got -1.")]
    public void WhatIsToBeSet_IsAnOptionWithItsValue(string text, string expected) => Assert.Equal(expected, Options.InPlaceOfKeys(text));

    [Theory]
    [InlineData("the device has no memory; choose another output, or resume the run")]
    [InlineData("lm_head, embed_tokens and input_ids are no options")]
    [InlineData("set bias to none, set lm_head to zero")]
    [InlineData("TensorBoard, CudaDevice, a.MaxLength, MaxLength.json, \"MaxLength\", myMaxLength and MaxLengths")]
    [InlineData("Somebody must know")]
    [InlineData("give \"max_length\", 'max_length' or `max_length`")]
    [InlineData("found \"set device to cpu\"")]
    [InlineData("/tmp/max_length: no such folder")]
    [InlineData("max_length/model, ./max_length and ../max_length/x")]
    [InlineData("max_length.json, a.max_length, max_length.weight")]
    [InlineData("model.layers.0.max_length.weight, max_length_2, my_max_length, Max_length, max_length=3, max_length-x, max_length:0")]
    [InlineData("a smaller --max-length, or use --device cpu; --max_length")]
    [InlineData("offset device to cpu, set device together")]
    [InlineData("")]
    public void AnythingElse_Stays(string text) => Assert.Equal(text, Options.InPlaceOfKeys(text));

    [Fact]
    public void AnApostrophe_QuotesNothing() => Assert.Equal(
        "the model's --max-length isn't the row's", Options.InPlaceOfKeys("the model's max_length isn't the row's"));

    [Fact]
    public void AnErrorOfTheTool_IsPrintedAsItIs()
    {
        Assert.Equal("a --max-length b", Options.Line(new LapidaryException("a max_length\nb")));
        Assert.Equal("a max_length b", Options.Line(new ToolException("a max_length\nb")));
    }

    [Fact]
    public void AValueThatLooksLikeAKey_Stays()
    {
        string column = "max_length", said = "set device to cpu or max_length";
        Assert.Equal("found column max_length; use a smaller --max-length",
            Options.Line(new LapidaryException($"found column {column}; use a smaller max_length")));
        Assert.Equal($"template: {said}; or use --device cpu",
            Options.Line(new LapidaryException($"template: {said}; or set device to cpu")));
    }

    [Fact]
    public void TheKeys_AreThoseOfTheCommandThatRuns()
    {
        var root = LapidaryTool.Root(new Output.Terminal(TextReader.Null, TextWriter.Null, TextWriter.Null));
        const string Text = "max_length, max_shard_size, overwrite_output_dir or set resume to latest";
        Assert.Equal("--max-length, max_shard_size, --overwrite-output-dir or use --resume latest", In("train"));
        Assert.Equal("max_length, --max-shard-size, overwrite_output_dir or set resume to latest", In("merge"));
        Assert.Equal(Text, In("doctor"));

        string In(string command) => OptionNames.Of(root.Parse([command])).InPlaceOfKeys(Text);
    }
}
