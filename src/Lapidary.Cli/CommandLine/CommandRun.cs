using System.CommandLine;
using System.Text.Json;
using Lapidary.Cli.Help;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.CommandLine;

/// <summary>One run of a command: its values and its output.</summary>
/// <param name="settings">The settings of the command.</param>
/// <param name="parsed">The command line.</param>
/// <param name="terminal">The output.</param>
/// <param name="constants">Settings of other tools on the command line that change nothing.</param>
/// <param name="refused">Values that the configuration file may not give.</param>
/// <exception cref="LapidaryException">The configuration file is invalid.</exception>
internal sealed class CommandRun(
    IReadOnlyList<Setting> settings, ParseResult parsed, Terminal terminal, IReadOnlyList<GivenConstant> constants,
    IReadOnlyList<RefusedValue> refused)
{
    private readonly OptionNames _options = OptionNames.Of(parsed);

    /// <summary>The settings' values: the command line, then --config, then the defaults.</summary>
    public SettingValues Values { get; } =
        new(settings, parsed, parsed.GetValue(ToolCommand.Config) is { } path ? RunFile.Read(path, settings, refused) : null);

    /// <summary>Settings of other tools that change nothing: the command line's, then those of --config that it does not repeat.</summary>
    public IEnumerable<GivenConstant> Constants => constants.Concat(Values.File?.Constants ?? []).DistinctBy(given => given.Name.Key);

    public Terminal Terminal => terminal;

    /// <summary>Whether the result is JSON: asked for by --json, or the only form of the command's result.</summary>
    public bool IsJson { get; set; } = parsed.GetValue(ToolCommand.Json);

    /// <summary>The stream for human-readable text.</summary>
    public TextWriter People => terminal.People(IsJson);

    /// <summary>Cancelled by Ctrl-C while <see cref="EndsGracefully"/> is held; otherwise Ctrl-C ends the process.</summary>
    public CancellationToken Interrupted => terminal.Interrupted;

    /// <summary>Declares that the command checks <see cref="Interrupted"/> and then ends by itself, until the result is disposed.</summary>
    public IDisposable? EndsGracefully() => terminal.EndsGracefully();

    /// <summary>Reports something a user may not expect, besides the result.</summary>
    public void Note(string text)
    {
        if (terminal.IsLeader) terminal.Error.WriteLine($"note       {Line(text)}");
    }

    /// <summary>The settings of another command in a run's file.</summary>
    /// <exception cref="ToolException">The file is not a run's file.</exception>
    public SettingValues ReadSettings(string file, IReadOnlyList<Setting> settings) => new(settings, parsed, RunFile.Read(file, settings));

    /// <summary>The value of an option that is not a setting.</summary>
    public T? Get<T>(Option<T> option) => parsed.GetValue(option);

    /// <summary>The value of an argument.</summary>
    public T? Get<T>(Argument<T> argument) => parsed.GetValue(argument);

    /// <summary>Whether an option that is not a setting is given, with a value or without.</summary>
    public bool IsGiven(Option option) => parsed.GetResult(option) is not null;

    /// <summary>Checks that one of each group of options is given.</summary>
    /// <param name="required">The groups.</param>
    /// <param name="hint">What else to say.</param>
    /// <exception cref="UsageException">Names all that are missing.</exception>
    public void Require(IEnumerable<RequiredOption> required, Func<CommandRun, string?>? hint)
    {
        string[] missing = [.. required.Where(group => !group.Options.Any(IsGivenAnywhere)).Select(group => group.Names)];
        if (missing.Length == 0) return;
        string verb = missing.Length == 1 ? "is" : "are";
        string message = $"{RequiredOption.Listed(missing, "and")} {verb} missing";
        throw Wrong(hint?.Invoke(this) is { } more ? $"{message}; {more}" : message + ".");
    }

    private bool IsGivenAnywhere(Option option) =>
        settings.FirstOrDefault(setting => setting.Option == option) is { } setting ? Values.IsGiven(setting) : IsGiven(option);

    /// <summary>Refuses an option's path that no file can be written to, before the work.</summary>
    /// <exception cref="LapidaryException">It is a folder, standard output, a device, a pipe or a socket.</exception>
    public void RequireFile(string option, string path)
    {
        if (path == "-") throw Wrong($"{option}: expected the name of a file, found -; standard output cannot be chosen here.");
        if (Directory.Exists(path)) throw Wrong($"{option}: {path} is a folder; name a file in it.");
        AtomicFile.RequireOrdinary(path);
    }

    /// <summary>The error for a command line that asks for nothing possible.</summary>
    public UsageException Wrong(string message) => new(message, Values.Command);

    /// <summary>A library's text on one line, with this command's options in place of the keys.</summary>
    public string Line(string text) => PlainText.OneLine(_options.InPlaceOfKeys(text));

    /// <summary>The one line of an error.</summary>
    public string Line(LapidaryException error) => _options.Line(error);

    /// <summary>Prints the result: its members as one JSON object under --json, else as text.</summary>
    /// <exception cref="LapidaryException">It cannot be printed, so the command has failed.</exception>
    public void Print(Action<Utf8JsonWriter> json, Action<TextWriter> text)
    {
        if (IsJson) JsonResult.Write(terminal.Out, json);
        else text(terminal.Out);
    }

    /// <summary>Prints the summary of a command whose result is files: like <see cref="Print"/>, but a closed screen is not a
    /// failure.</summary>
    public void PrintSummary(Action<Utf8JsonWriter> json, Action<TextWriter> text)
    {
        var output = terminal.People(json: false);
        if (IsJson) JsonResult.Write(output, json);
        else text(output);
    }
}
