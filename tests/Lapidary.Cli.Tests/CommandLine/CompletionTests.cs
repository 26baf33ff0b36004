using System.Diagnostics;
using System.Runtime.InteropServices;

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
    [InlineData("lapidary train -o di", ":files")]
    [InlineData("lapidary train -m ", ":files")]
    [InlineData("lapidary merge --output_dir x -o ", ":files")]
    [InlineData("lapidary train --dataset=my", ":files")]
    [InlineData("lapidary train --learning_", "--learning_rate")]
    [InlineData("lapidary train --template te", "text-to-sql :files")]
    [InlineData("lapidary train --lr", "--lr-scheduler-type --lr")]
    [InlineData("lapidary train --optim ", "adamw_torch adamw_torch_fused")]
    [InlineData("lapidary train --optim=a", "--optim=adamw_torch --optim=adamw_torch_fused")]
    [InlineData("lapidary train --opti", "--optim")]
    [InlineData("lapidary train --no-pac", "--no-packing")]
    [InlineData("lapidary help ca", "cache")]
    [InlineData("lapidary help cache ", "list rm prune")]
    [InlineData("lapidary bench g", "guide1b")]
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
        CliRun.Of("completions", "ksh").AssertError(2, "lapidary: SHELL: expected bash, zsh, fish or pwsh, found \"ksh\".\n");

    [Theory]
    [InlineData("train --le", "--learning-rate ")]
    [InlineData("train --device cuda:a", "all ")]
    [InlineData("train --model ro", "rows.jsonl ")]
    [InlineData("train -o ro", "rows.jsonl ")]
    [InlineData("train --dataset=ro", "rows.jsonl ")]
    [InlineData("train --learning_", "--learning_rate ")]
    [InlineData("cac", "cache ")]
    public void Bash_CompletesALine(string typed, string expected) => Assert.Equal(expected, Run("bash", "-c", $$"""
        source <(lapidary completions bash)
        COMP_LINE="lapidary {{typed}}" COMP_POINT=${#COMP_LINE}
        COMP_POINT=${#COMP_LINE}
        COMP_WORDBREAKS=$' \t\n"'"'"'><=;|&(:'
        IFS=' :' read -ra COMP_WORDS <<< "$COMP_LINE"
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _lapidary lapidary
        printf '%s ' "${COMPREPLY[@]}"
        """));

    [Theory]
    [InlineData("train --le", "--learning-rate")]
    [InlineData("train --device cuda:a", "cuda:all")]
    [InlineData("train --model ro", "rows.jsonl")]
    [InlineData("train --dataset=ro", "--dataset=rows.jsonl")]
    public void Fish_CompletesALine(string typed, string expected) => Assert.Equal(
        expected, Run("fish", "--no-config", "-c", $"lapidary completions fish | source; complete -C 'lapidary {typed}'").TrimEnd());

    [Theory]
    [InlineData("train --le", "--learning-rate")]
    [InlineData("train --device cuda:a", "cuda:all")]
    [InlineData("train --model ro", "./rows.jsonl")]
    [InlineData("train --dataset=ro", "--dataset=./rows.jsonl")]
    public void PowerShell_CompletesALine(string typed, string expected)
    {
        string text = Run("pwsh", "-NoProfile", "-Command", $$"""
            lapidary completions pwsh | Out-String | Invoke-Expression
            (TabExpansion2 'lapidary {{typed}}' {{typed.Length + "lapidary ".Length}}).CompletionMatches.CompletionText
            """);
        Assert.Equal(expected, text.TrimEnd());
    }

    /// <summary>zsh completes only in a terminal: its module zpty has one.</summary>
    [Theory]
    [InlineData("train --le", "train --learning-rate ")]
    [InlineData("train --device cuda:a", "train --device cuda:all ")]
    [InlineData("train --model ro", "train --model rows.jsonl ")]
    [InlineData("train --dataset=ro", "train --dataset=rows.jsonl ")]
    public void Zsh_CompletesALine(string typed, string expected) => Assert.Contains(expected, Run("zsh", "-f", "-c", $$"""
        zmodload zsh/zpty
        TERM=dumb zpty inner zsh -f -i
        zpty -w inner "autoload -U compinit; compinit -u -D; source <(lapidary completions zsh); print REA''DY"
        zpty -r inner seen '*READY*'
        zpty -n -w inner $'lapidary {{typed}}\t'
        zpty -r inner seen '*{{expected}}*'
        print -r -- "$seen"
        zpty -d inner
        """), StringComparison.Ordinal);

    /// <summary>Runs a shell that finds the tool and a file rows.jsonl in its folder.</summary>
    private string Run(string shell, params string[] args)
    {
        var folders = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator) ?? [];
        Assert.SkipUnless(folders.Any(folder => File.Exists(Path.Combine(folder, shell))), $"{shell} is not here");
        File.WriteAllText(_folder["rows.jsonl"], "");
        var start = new ProcessStartInfo(shell, args)
        {
            RedirectStandardOutput = true,
            WorkingDirectory = _folder.Path,
        };
        start.Environment["PATH"] = string.Join(Path.PathSeparator, [AppContext.BaseDirectory, .. folders]);
        start.Environment["HOME"] = _folder.Path;
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        if (!process.WaitForExit(TimeSpan.FromSeconds(120)))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{shell} was still running after two minutes.");
        }

        return output.Result;
    }
}
