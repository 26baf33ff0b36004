using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.TextToSql;
using Lapidary.TextToSql.Asking.Files;

namespace Lapidary.Cli.Asking;

/// <summary>ask: questions about a database or files, which a model answers with SQL.</summary>
internal static class AskCommand
{
    public const string Summary = "Ask a database, or CSV and Parquet files, in plain words: a model writes the SQL, which can only read.";

    private static readonly ModelSettings Model = new(QuantizationKind.None);

    private static readonly AskOptions Defaults = new();

    private static readonly Argument<string[]> Words = new("DATABASE")
    {
        Description = "An SQLite database, or CSV (.csv, .tsv, .txt, also .gz or .zst) and Parquet files, each a table in memory.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Argument<string?> Question = new("QUESTION")
    {
        Description = "What you want to know, in quotes. Without it: a question on each line that you type, or of standard input.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Setting<RowFormat?> Format = new(
        "format", "table|csv|json",
        "How rows are shown; without the option a table on a screen, and CSV elsewhere. json is a list of objects.", null,
        text => (RowFormat)SettingText.Enumeration(typeof(RowFormat), text));

    private static readonly Setting<int> MaxRows = Setting.Integer(
        "max-rows", "Most rows of a result; a note says where there are more.", Defaults.Limits.MaxRows, 1, 10_000_000);

    private static readonly Setting<double> Timeout = Setting.Number(
        "timeout", "Seconds after which a query is stopped.", Defaults.Limits.TimeLimit.TotalSeconds, 0.001, 86_400);

    private static readonly Setting<bool> ShowRows = Setting.Flag(
        "show-rows", "Let the model see up to three rows of each table, where they fit; it runs on this machine.", Defaults.ShowRows);

    private static readonly Setting<int> MaxNewTokens = Setting.Integer(
        "max-new-tokens", "Most tokens of a query.", Defaults.MaxNewTokens, 1, 1 << 20);

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("ask", Summary,
                "shop.db \"Which customers spent most?\"",
                "sales.csv cities.parquet --model my-model",
                "shop.db \"How many orders are there?\" --adapter my-adapter --json")
            .Takes(Words)
            .Takes(Question)
            .Takes([Format, MaxRows, Timeout])
            .Takes(Model.All)
            .Takes([MaxNewTokens, ShowRows])
            .Takes(ToolCommand.Json)
            .Runs(terminal, Run);

    private static int Run(CommandRun run)
    {
        string? question = null;
        try
        {
            return Ask(run, ref question);
        }
        catch (LapidaryException e) when (run.IsJson && e is not UnansweredException)
        {
            AskScreen.PrintError(run, e, question);
            throw;
        }
    }

    private static int Ask(CommandRun run, ref string? question)
    {
        string?[] words = [.. run.Get(Words) ?? [], run.Get(Question)];
        (var files, question) = AskWords.Of([.. words.OfType<string>()], run);
        if (run.IsJson && run.Values.IsGiven(Format)) throw run.Wrong($"--{Format.Name} is not for --json, which has the rows too.");
        foreach (string file in files) FileKinds.Of(file); // a mistyped name is said before a model is looked for
        AskModel.Supply(run, Model);
        var folders = ModelFolders.Find(run, Model);
        var text = TextTools.TryLoad(Model, run.Values, folders) ?? throw new ToolException(
            $"{folders.Model}: expected a tokenizer.json to ask by, found none; give the folder or id of one with --tokenizer.");
        using var data = Open(run, files);
        foreach (string note in data.Notes) run.Note(note);
        using var session = ModelSession.Open(run, Model, folders.FetchWeights(run));
        foreach (string note in session.Notes) run.Note(note);
        using var engine = new GenerationEngine(session.Model, maxTexts: 1);
        var options = new AskOptions
        {
            MaxNewTokens = run.Values.Get(MaxNewTokens),
            ShowRows = run.Values.Get(ShowRows),
            Limits = new QueryLimits
            {
                MaxRows = run.Values.Get(MaxRows),
                TimeLimit = TimeSpan.FromSeconds(run.Values.Get(Timeout)),
                MoreTime = $", or allow more time with --{Timeout.Name}",
            },
        };
        var asker = new QuestionAsker(data, engine, text.Tokenizer, text.Template, options);
        var screen = new AskScreen(run, run.Values.Get(Format));
        if (question is null) return new AskLoop(run, data, asker, screen, options.Limits, files).Run();
        using var ending = run.EndsGracefully();
        var answer = asker.AskAsync(question, screen.OnUpdate, run.Interrupted).GetAwaiter().GetResult();
        screen.Show(answer);
        return answer.Error is null ? ExitCodes.Done : throw new UnansweredException(answer);
    }

    private static AskedData Open(CommandRun run, IReadOnlyList<string> files)
    {
        using var work = new WorkScreen(run.Terminal, run.IsJson);
        return AskedData.Open(files, work, run.Interrupted);
    }
}
