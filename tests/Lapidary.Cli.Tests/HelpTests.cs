using System.Text.RegularExpressions;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests;

public partial class HelpTests
{
    [Fact]
    public void Options_AreThoseApproved()
    {
        var root = LapidaryTool.Root(new Output.Terminal(TextReader.Null, TextWriter.Null, TextWriter.Null));
        var lines = root.Subcommands.SelectMany(command => command.Options.Select(option => $"{command.Name} {option.Name}"));
        string found = string.Join('\n', lines) + "\n";
        string approved = Path.Combine(Fixtures.Repository, "tests", "Lapidary.Cli.Tests", "HelpTests.approved.txt");
        if (Environment.GetEnvironmentVariable("LAPIDARY_APPROVE") == "1") File.WriteAllText(approved, found);
        Assert.Equal(File.ReadAllText(approved), found);
    }

    [Fact]
    public void Help_OfEveryCommand_HasExamplesThatParse()
    {
        var root = LapidaryTool.Root(new Output.Terminal(TextReader.Null, TextWriter.Null, TextWriter.Null));
        Assert.All(root.Subcommands, command =>
        {
            string help = CliRun.Of(command.Name, "--help").Ok().Out;
            int start = help.IndexOf("Examples:", StringComparison.Ordinal);
            string[] examples = [.. help[start..].Split('\n').Skip(1).Where(line => line.Length > 0)];
            Assert.NotEmpty(examples);
            Assert.All(examples, example => Assert.Empty(root.Parse(Arguments(example)).Errors));
        });

        string[] Arguments(string example) =>
            [.. Words().Matches(example.Trim()["lapidary ".Length..]).Select(word => word.Value.Trim('"'))];
    }

    [Fact]
    public void Help_HasDefaultsAndTextOfTheRecords()
    {
        string help = CliRun.Of("train", "--help").Ok().Out;
        Assert.Matches(@"--learning-rate <X> +Peak learning rate. \[default: 0.0002\]", help);
        Assert.Matches(@"--warmup-ratio .*used where --warmup-steps is 0", help);
        Assert.Matches(@"--lora-r <N> .*\[default: 16\]", help);
        Assert.DoesNotContain("--lapidary", help, StringComparison.Ordinal);
    }

    [Fact]
    public void Version_IsPrinted() => Assert.StartsWith("0.1.0", CliRun.Of("--version").Ok().Out, StringComparison.Ordinal);

    [GeneratedRegex("\"[^\"]*\"|\\S+")]
    private static partial Regex Words();
}
