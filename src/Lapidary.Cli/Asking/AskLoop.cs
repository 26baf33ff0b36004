using System.Diagnostics;
using Lapidary.Cli.Chat;
using Lapidary.Cli.CommandLine;
using Lapidary.Formats;
using Lapidary.TextToSql;

namespace Lapidary.Cli.Asking;

/// <summary>Questions on the screen or from standard input, one a line, until they end.</summary>
/// <param name="run">The command.</param>
/// <param name="data">The data.</param>
/// <param name="asker">Answers the questions.</param>
/// <param name="screen">Shows the answers.</param>
/// <param name="limits">Of the queries that the user writes.</param>
/// <param name="files">Where the data come from.</param>
internal sealed class AskLoop(
    CommandRun run, AskedData data, QuestionAsker asker, AskScreen screen, QueryLimits limits, IReadOnlyList<string> files)
{
    private const string Quit = ":quit", Schema = ":schema", Sql = ":sql", Export = ":export", Replace = ":export!",
        History = ":history", Help = ":help";

    /// <summary>Commands of other tools, typed by habit.</summary>
    private static readonly string[] BareWords = ["help", "quit", "exit"];

    private static readonly string[] Commands = [Sql, Schema, Export, Replace, History, Help, Quit];

    private static readonly string[] HelpLines =
    [
        ":sql SELECT …     runs a query of yours, or an edited one; :sql alone shows the last one",
        ":schema           shows the tables",
        ":export FILE.csv  writes the rows of the last answer; :export! replaces a file",
        ":history          shows the questions and queries so far",
        ":quit             ends, as Ctrl-D does",
        "Ctrl-C            stops the answer or the query",
    ];

    private readonly ChatInput _input = new(run.Terminal, "ask> ", "Ctrl-C again, Ctrl-D or :quit ends.");
    private readonly List<(string? Question, string Sql)> _history = [];
    private SqlResult? _last;
    private bool _hasFailed;

    /// <summary>Runs until the end of the input.</summary>
    /// <returns>The exit code: 1 where a line of standard input had no answer.</returns>
    public int Run()
    {
        _input.Hint(data.Schema);
        _input.Hint($"Ask a question about the data, or type {Help}.");
        while (_input.Read() is { } line)
        {
            line = line.Trim();
            if (line.Length == 0) continue;
            if (line == Quit) break;
            try
            {
                Take(line);
            }
            catch (OperationCanceledException) when (!run.Interrupted.IsCancellationRequested)
            {
                screen.Stopped();
                _input.Hint("(stopped)");
            }
            catch (LapidaryException e)
            {
                _hasFailed = true;
                if (run.IsJson && e is not UnansweredException) PrintError(line, e);
                run.Terminal.Error.WriteLine("lapidary: " + run.Line(e));
            }
        }

        return _hasFailed && !_input.IsInteractive ? ExitCodes.Error : ExitCodes.Done;
    }

    private void Take(string line)
    {
        if (BareWords.Contains(line, StringComparer.OrdinalIgnoreCase))
        {
            Say($"Commands begin with a colon: {Help} lists them, {Quit} ends.");
            return;
        }

        if (line[0] != ':')
        {
            Stoppable(stop => Ask(line, stop));
            return;
        }

        var (command, rest) = Parts(line);
        switch (command)
        {
            case Sql when rest.Length == 0: Say(_history.Count > 0 ? $"{Sql} {_history[^1].Sql}" : "There was no query yet."); break;
            case Sql: Stoppable(stop => Query(rest, stop)); break;
            case Schema: Say(data.Schema); break;
            case Export or Replace: Write(command, rest); break;
            case History:
                foreach (var (question, sql) in _history) Say(question is null ? $"{Sql} {sql}" : $"{question}\n   {sql}");
                break;
            case Help:
                foreach (string help in HelpLines) Say(help);
                break;
            default:
                string near = NearestName.Of(command, Commands) is { } name ? $"did you mean {name}? " : "";
                throw new ToolException($"{command}: there is no such command; {near}{Help} lists them.");
        }
    }

    private void Ask(string question, CancellationToken stop)
    {
        var answer = asker.AskAsync(question, screen.OnUpdate, stop).GetAwaiter().GetResult();
        _history.Add((question, answer.Sql));
        screen.Show(answer);
        if (answer.Error is not null) throw new UnansweredException(answer);
        _last = answer.Result;
    }

    private void Query(string sql, CancellationToken stop)
    {
        _history.Add((null, sql));
        long started = Stopwatch.GetTimestamp();
        _last = data.Query(sql, limits, stop);
        screen.Show(sql, _last, Stopwatch.GetElapsedTime(started));
    }

    private void Write(string command, string typed)
    {
        if (typed.Length == 0) throw new ToolException($"{command}: expected the name of a file, found none; type {command} FILE.csv.");
        if (_last is null) throw new ToolException($"{command}: there are no rows yet; ask something first.");
        string path = ExportFile.PathOf(typed);
        ExportFile.Write(path, _last, replace: command == Replace, $"type {Replace} to replace it", files);
        string rows = Amount.Grouped(_last.RowCount, "row");
        Say($"written    {path}: {rows}{(_last.IsCut ? ", not all that the query has" : "")}");
    }

    /// <summary>Runs something that Ctrl-C stops without ending the loop.</summary>
    private void Stoppable(Action<CancellationToken> work)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(run.Interrupted);
        if (!_input.IsInteractive)
        {
            work(stop.Token);
            return;
        }

        var shown = run.Terminal.ScreenOf(run.IsJson);
        using var handler = run.Terminal.HandleInterrupt(() => Cancel(stop));
        shown?.Show(run.People, share: null, "working; Ctrl-C stops it");
        try
        {
            work(stop.Token);
        }
        finally
        {
            shown?.Clear();
        }
    }

    private void PrintError(string line, LapidaryException error)
    {
        var (command, rest) = Parts(line);
        if (line[0] != ':') AskScreen.PrintError(run, error, question: line);
        else AskScreen.PrintError(run, error, sql: command == Sql ? rest : null);
    }

    /// <summary>A command, and what follows it.</summary>
    private static (string Command, string Text) Parts(string line)
    {
        string[] words = line.Split((char[]?)null, 2, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return (words[0], words.Length > 1 ? words[1] : "");
    }

    private static bool Cancel(CancellationTokenSource stop)
    {
        if (stop.IsCancellationRequested) return false; // the second one ends the process
        stop.Cancel();
        return true;
    }

    private void Say(string text) => run.Terminal.Error.WriteLine(text);
}
