using System.Diagnostics;
using System.Runtime.InteropServices;
using Lapidary.Cli.Completion;

namespace Lapidary.Cli.Tests.CommandLine;

public sealed class CompletionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("lapidary tr", "train")]
    [InlineData("lapidary train --learn", "--learning-rate")]
    [InlineData("lapidary train --device c", "cpu cuda cuda:all")]
    [InlineData("lapidary train --lr_scheduler_type co", "constant constant_with_warmup cosine")]
    [InlineData("lapidary train --device=cp", "--device=cpu")]
    [InlineData("lapidary train --model ", ":files")]
    [InlineData("lapidary cache ", "list rm prune --help --help-all --json")]
    [InlineData("lapidary cache prune --y", "--yes")]
    [InlineData("lapidary completions z", "zsh")]
    [InlineData("lapidary upload fol", ":files")]
    [InlineData("lapidary nothing ", "")]
    public void Words_AreThoseThatMayFollow(string line, string expected) => Assert.Equal(
        expected, CliRun.Of($"[suggest:{line.Length}]", line).Ok().Out.TrimEnd('\n').Replace('\n', ' '));

    [Fact]
    public void AnOption_IsOfferedOnce()
    {
        string line = "lapidary train --model x --mo";
        Assert.Equal("--modules-to-save\n", CliRun.Of($"[suggest:{line.Length}]", line).Ok().Out);
    }

    [Fact]
    public void TheWordAtTheCursor_Counts() => Assert.Equal("train\n", CliRun.Of("[suggest:12]", "lapidary tra --model x").Ok().Out);

    [Fact]
    public void AShellThatIsNotKnown_IsRefused() =>
        CliRun.Of("completions", "tcsh").AssertError(2, "expected bash, zsh, fish, pwsh, found tcsh");

    [Theory]
    [InlineData("bash", "train --le", "--learning-rate ")]
    [InlineData("bash", "train --device cuda:a", "all ")]
    [InlineData("bash", "train --model ro", "rows.jsonl ")]
    [InlineData("bash", "cac", "cache ")]
    public void Bash_CompletesALine(string shell, string typed, string expected)
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "bash is not here");
        File.WriteAllText(_folder["rows.jsonl"], "");
        string tool = Path.Combine(AppContext.BaseDirectory, "lapidary");
        File.WriteAllText(_folder["script"], ShellScripts.Of(shell)! + $$"""
            lapidary() { '{{tool}}' "$@"; }
            COMP_LINE="lapidary {{typed}}" COMP_POINT=${#COMP_LINE}
            COMP_POINT=${#COMP_LINE}
            COMP_WORDBREAKS=$' \t\n"'"'"'><=;|&(:'
            IFS=' :' read -ra COMP_WORDS <<< "$COMP_LINE"
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _lapidary lapidary
            printf '%s ' "${COMPREPLY[@]}"
            """);
        var start = new ProcessStartInfo("/bin/bash", [_folder["script"]])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = _folder.Path,
        };
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        using var bash = Process.Start(start)!;
        Assert.Equal(expected, bash.StandardOutput.ReadToEnd());
    }

    [Theory]
    [InlineData("zsh", "-n")]
    [InlineData("fish", "-n")]
    public void OtherShells_ReadTheirScript(string shell, string check)
    {
        string? program = Environment.GetEnvironmentVariable("PATH")?.Split(':').Select(folder => Path.Combine(folder, shell))
            .FirstOrDefault(File.Exists);
        Assert.SkipUnless(program is not null, $"{shell} is not here");
        File.WriteAllText(_folder["script"], CliRun.Of("completions", shell).Ok().Out);
        using var process = Process.Start(program, [check, _folder["script"]]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
