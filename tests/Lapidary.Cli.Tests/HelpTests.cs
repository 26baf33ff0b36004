using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Help;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests;

public class HelpTests
{
    private static IEnumerable<ToolCommand> Commands =>
        LapidaryTool.Root(new Output.Terminal(TextReader.Null, TextWriter.Null, TextWriter.Null)).Subcommands.Cast<ToolCommand>()
            .SelectMany(command => command.Subcommands.Cast<ToolCommand>().Prepend(command));

    [Fact]
    public void Options_AreThoseApproved()
    {
        var lines = Commands.SelectMany(
            command => command.Options.Select(option => $"{Usage.PathOf(command)["lapidary ".Length..]} {option.Name}"));
        string found = string.Join('\n', lines) + "\n";
        AssertApproved(found, "tests", "Lapidary.Cli.Tests", "HelpTests.approved.txt");
    }

    /// <summary>With LAPIDARY_APPROVE=1 the document is written.</summary>
    [Fact]
    public void TheDocument_IsThatOfTheTool() => AssertApproved(CliRun.Of("help", "--markdown").Ok().Out, "docs", "cli.md");

    [Fact]
    public void Examples_Parse()
    {
        var root = LapidaryTool.Root(new Output.Terminal(TextReader.Null, TextWriter.Null, TextWriter.Null));
        Assert.All(Commands, command =>
        {
            var examples = command.Page().Examples;
            Assert.NotEmpty(examples);
            Assert.All(examples, example => Assert.Empty(root.Parse(example["lapidary ".Length..], LapidaryTool.ParserRules).Errors));
        });
    }

    [Fact]
    public void TheTableOfCommands_SaysWhatTheCommandsSay() => Assert.All(
        LapidaryTool.Root(new Output.Terminal(TextReader.Null, TextWriter.Null, TextWriter.Null)).Subcommands, command =>
        {
            Assert.Equal(command.Description, CommandTable.Find(command.Name)?.Summary);
            Assert.EndsWith(".", command.Description, StringComparison.Ordinal);
        });

    [Theory]
    [InlineData("train")]
    [InlineData("plan")]
    public void EveryOptionOfALongCommand_HasAGroup(string name)
    {
        var command = Commands.First(command => command.Name == name);
        Assert.All(
            command.Options.Where(option => !option.Hidden), option => Assert.True(
                OptionGroups.Has(name, option.Name.TrimStart('-')), $"{option.Name} is not in OptionGroups"));
    }

    [Fact]
    public void EveryPage_FitsItsWidth()
    {
        foreach (int width in (int[])[40, 80, 120])
        {
            Assert.All(Commands, command =>
            {
                foreach (bool isAll in (bool[])[false, true])
                {
                    using var text = new StringWriter { NewLine = "\n" };
                    new HelpWriter(text, width).Write(command.Page(), isAll);
                    string[] tooLong = [.. text.ToString().Split('\n').Where(line => line.Length > width && !IsOneWord(line))];
                    Assert.Empty(tooLong);
                }
            });
        }

        // A name with its value, or a path, is not broken.
        static bool IsOneWord(string line) => line.TrimStart().StartsWith('-') || line.Trim().Count(c => c == ' ') <= 2;
    }

    [Fact]
    public void TheShortHelp_IsShortAndNamesEveryOption()
    {
        string help = CliRun.Of("train", "--help").Ok().Out;
        Assert.InRange(help.Count(c => c == '\n'), 30, 90);
        var command = Commands.First(command => command.Name == "train");
        Assert.All(
            command.Options.Where(option => !option.Hidden),
            option => Assert.Contains(option.Name, help, StringComparison.Ordinal));
        Assert.Contains("--help-all", help, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_HasDefaultsAndTextOfTheRecords()
    {
        string help = CliRun.Of("train", "--help").Ok().Out;
        Assert.Matches(@"--learning-rate, --lr X +Peak learning rate. \[default: 0.0002\]", help);
        Assert.Matches(@"-r, --lora-r N .*\n? +\[default: 16\]", help);
        string all = CliRun.Of("train", "--help-all").Ok().Out;
        Assert.Matches(@"--warmup-ratio X +Warm-up as a share of all steps, rounded up\. Used if\n +--warmup-steps is 0", all);
        Assert.Matches(@"--optim +adamw_torch\|adamw_torch_fused changes", all);
        Assert.DoesNotContain("--lapidary", all, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_IsAskedForInManyWays()
    {
        string help = CliRun.Of("train", "--help").Ok().Out;
        Assert.Equal(help, CliRun.Of("help", "train").Ok().Out);
        Assert.Equal(help, CliRun.Of("train", "-h").Ok().Out);
        Assert.Equal(help, CliRun.Of("train", "--model", "x", "--help").Ok().Out);
        Assert.Equal(CliRun.Of("train", "--help-all").Ok().Out, CliRun.Of("help", "train", "--all").Ok().Out);
        Assert.Equal(CliRun.Of("cache", "prune", "--help").Ok().Out, CliRun.Of("help", "cache", "prune").Ok().Out);
        string tool = CliRun.Of("--help").Ok().Out;
        Assert.Equal(tool, CliRun.Of("help").Ok().Out);
        Assert.Contains("completions", tool, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_MarksWhatIsRequired()
    {
        string help = CliRun.Of("train", "--help").Ok().Out;
        Assert.Contains("Usage: lapidary train --model MODEL --dataset DATASET [options]", help, StringComparison.Ordinal);
        Assert.Matches(@"(?s)--model.*?\(required, or\s+--adapter\)", help);
        Assert.Matches(@"(?s)--dataset PATH\|ID.*?\(required\)", help);
        Assert.Contains(
            "Usage: lapidary generate --model MODEL (--prompt PROMPT | --messages MESSAGES |", CliRun.Of("generate", "-h").Ok().Out,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Version_IsPrinted() => Assert.StartsWith("0.1.0", CliRun.Of("--version").Ok().Out, StringComparison.Ordinal);

    private static void AssertApproved(string found, params string[] path)
    {
        string approved = Path.Combine([Fixtures.Repository, .. path]);
        if (Environment.GetEnvironmentVariable("LAPIDARY_APPROVE") == "1") File.WriteAllText(approved, found);
        Assert.Equal(File.ReadAllText(approved), found);
    }
}
