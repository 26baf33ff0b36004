using System.Text.Json;
using Lapidary.Cli.Output;
using Lapidary.Hub;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests;

/// <summary>One run of the tool through its entry point, with streams in memory.</summary>
internal sealed record CliRun(int ExitCode, string Out, string Error)
{
    /// <summary>No Hub: nothing is cached, and nothing may be asked.</summary>
    private static readonly HubOptions NoHub = new()
    {
        CacheFolder = Path.Combine(Fixtures.Path("no-hub"), "hub"),
        HomeFolder = Fixtures.Path("no-hub"),
        IsOffline = true,
    };

    /// <summary>Standard output as one JSON object; fails where there is anything else.</summary>
    public JsonElement Json => JsonDocument.Parse(Out).RootElement;

    public static CliRun Of(params string[] args) => Of("", CancellationToken.None, args);

    public static CliRun Of(string input, CancellationToken interrupted, params string[] args) =>
        Run(input, new StringWriter(), args, NoHub, interrupted);

    /// <summary>A run with a Hub.</summary>
    /// <param name="hub">The Hub and its cache.</param> <param name="input">Standard input, which is no screen.</param>
    /// <param name="ask">Answers questions; null where there is no screen.</param>
    /// <param name="args">The command line.</param> <param name="interrupted">Ctrl-C.</param>
    public static CliRun OnHub(
        HubOptions hub, string[] args, string input = "", Func<string, bool, string>? ask = null,
        CancellationToken interrupted = default) =>
        Run(input, new StringWriter(), args, hub, interrupted, ask);

    /// <summary>Presses Ctrl-C as soon as a line with some words is printed.</summary>
    public static CliRun InterruptedAt(string words, params string[] args)
    {
        using var stop = new CancellationTokenSource();
        return Run("", new WatchingWriter(words, stop), args, NoHub, stop.Token);
    }

    private static CliRun Run(
        string input, StringWriter output, string[] args, HubOptions hub, CancellationToken interrupted,
        Func<string, bool, string>? ask = null)
    {
        output.NewLine = "\n";
        using var error = new StringWriter { NewLine = "\n" };
        int exitCode = LapidaryTool.Run(args, new Terminal(new StringReader(input), output, error)
        {
            Interrupted = interrupted,
            Hub = hub,
            Ask = ask,
        });
        return new CliRun(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>The run, which must end well.</summary>
    public CliRun Ok()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}: {Error}");
        return this;
    }

    /// <summary>Fails unless the tool ended with one line on standard error that has the words.</summary>
    public void AssertError(int exitCode, params string[] words)
    {
        Assert.True(exitCode == ExitCode, $"exit code {ExitCode}: {Error}");
        Assert.StartsWith("lapidary: ", Error, StringComparison.Ordinal);
        if (exitCode == 1) Assert.Equal(1, Error.Count(c => c == '\n'));
        Assert.All(words, word => Assert.Contains(word, Error, StringComparison.Ordinal));
    }

    private sealed class WatchingWriter(string words, CancellationTokenSource stop) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            if (value?.Contains(words, StringComparison.Ordinal) == true) stop.Cancel();
        }
    }
}
