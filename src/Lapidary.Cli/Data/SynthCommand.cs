using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.TextToSql;
using Lapidary.TextToSql.Synthesis;
using Lapidary.Training;

namespace Lapidary.Cli.Data;

/// <summary>data synth: generates text-to-SQL rows.</summary>
internal static class SynthCommand
{
    private static readonly Setting<int> Rows = Setting.Integer("rows", "Number of rows.", 10_000, minimum: 1);

    private static readonly Setting<long> Seed =
        Setting.Long("seed", "Determines all rows: the same seed gives the same rows on every machine.", new SyntheticSqlOptions().Seed);

    private static readonly Setting<string?> Output = Setting.Text(
        "output", "FILE", "File for the rows, .jsonl or .parquet; - for standard output. With --eval-rows also a folder, for train.jsonl "
        + $"and test.jsonl.");

    private static readonly Setting<int> EvalRows = Setting.Integer(
        "eval-rows", "Also write this many rows for evaluation, FILE with -eval in its name. Then rows to train on and rows to evaluate on "
        + "are from different domains: they share no table.", 0);

    private static readonly SettingList Domains = new("domains", "NAME,NAME", "Take these domains only.", CheckDomains);

    private static readonly SettingList ExcludeDomains = new("exclude-domains", "NAME,NAME", "Leave these domains out.", CheckDomains);

    private static readonly SettingList Complexity = new(
        "complexity", "NAME,NAME", $"Take these kinds of queries only: {string.Join(", ", SyntheticSql.Complexities)}.",
        text => Check(text, SyntheticSql.Complexities));

    private static readonly Setting<SyntheticSplit> Split = new(
        "split", "all|train|test", "Take all domains, those for training, or those for testing.", SyntheticSplit.All,
        text => (SyntheticSplit)SettingText.Enumeration(typeof(SyntheticSplit), text));

    private static readonly Setting<bool> Overwrite = Setting.Flag("overwrite", "Replace a file of that name.");

    private static readonly Option<bool> ListDomains = new("--list-domains")
    {
        Description = "Show the domains and their tables, and end.",
    };

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand(
                "synth", "Generate text-to-SQL rows; each query was run on its tables, and its answer is not that of a simpler query.",
                "--rows 10000 --output sql.jsonl", "--rows 10000 --eval-rows 2500 --output sql",
                "--rows 5 --complexity \"window functions\" --output -")
            .Takes([Rows, Seed, Output, EvalRows, Domains, ExcludeDomains, Complexity, Split, Overwrite])
            .Takes(ListDomains, ToolCommand.Json)
            .Runs(terminal, Run);

    /// <summary>The columns of a row, as in the guide's data set.</summary>
    internal static IReadOnlyDictionary<string, object?> Columns(SyntheticRow row, int number) => new OrderedDictionary<string, object?>
    {
        ["id"] = (long)number,
        ["domain"] = row.Row.Domain,
        ["domain_description"] = row.DomainDescription,
        ["sql_complexity"] = row.Row.Complexity,
        ["sql_task_type"] = row.TaskType,
        ["sql_shape"] = row.Shape,
        ["sql_prompt"] = row.Row.SqlPrompt,
        ["sql_context"] = row.Row.SqlContext,
        ["sql"] = row.Row.Sql,
    };

    private static void Run(CommandRun run)
    {
        var values = run.Values;
        var options = new SyntheticSqlOptions
        {
            Seed = values.Get(Seed),
            Domains = Names(values.Get(Domains)),
            ExcludedDomains = Names(values.Get(ExcludeDomains)),
            Complexities = Names(values.Get(Complexity)),
            Split = values.Get(Split),
        };
        if (run.Get(ListDomains))
        {
            RequireDomains(run, options);
            List(run, options);
            return;
        }

        string output = values.Get(Output) ?? throw run.Wrong("--output is missing.");
        int evalRows = values.Get(EvalRows);
        if (evalRows > 0 && options.Split != SyntheticSplit.All)
            throw run.Wrong("--eval-rows takes the domains for training and for testing apart; leave --split out.");
        var targets = Targets(run, output, values.Get(Rows), evalRows, options);
        foreach (var target in targets) RequireDomains(run, target.Options);
        foreach (var target in targets) RowFile.Check(run, "--output", target.Path, values.Get(Overwrite));
        if (output == DataSettings.StandardInput && run.IsJson) throw run.Wrong("--json and --output - both print on standard output.");
        var counts = new SynthCounts();
        foreach (var target in targets) Write(run, target, counts);
        if (output != DataSettings.StandardInput) Report(run, targets, counts);
    }

    private static void Write(CommandRun run, Target target, SynthCounts counts)
    {
        using var work = new WorkScreen(run.Terminal, run.IsJson || target.Path == DataSettings.StandardInput);
        int number = 0;
        RowFile.Write(run, target.Path, SyntheticSql.Draw(target.Rows, target.Options, run.Interrupted).Select(row =>
        {
            counts.Add(row);
            work.Report(new("generating rows", ++number, target.Rows, "rows"));
            return Columns(row, number);
        }));
    }

    private static Target[] Targets(CommandRun run, string output, int rows, int evalRows, SyntheticSqlOptions options)
    {
        if (evalRows == 0) return [new(output, rows, options)];
        if (output == DataSettings.StandardInput) throw run.Wrong("--eval-rows needs files; standard output is one.");
        string ending = Path.GetExtension(output), stem = output[..^ending.Length];
        var (train, test) = RowFile.IsNamed(output)
            ? (output, $"{stem}-eval{ending}")
            : (Path.Combine(output, "train.jsonl"), Path.Combine(output, "test.jsonl"));
        return
        [
            new(train, rows, options with { Split = SyntheticSplit.Train }),
            new(test, evalRows, options with { Split = SyntheticSplit.Test }),
        ];
    }

    private static void Report(CommandRun run, Target[] targets, SynthCounts counts) => run.PrintSummary(
        json =>
        {
            json.WriteNumber("rows", targets[0].Rows);
            json.WriteString("output", targets[0].Path);
            if (targets.Length > 1)
            {
                json.WriteNumber("eval_rows", targets[1].Rows);
                json.WriteString("eval_output", targets[1].Path);
            }

            json.WriteNumber("domains", counts.Domains);
            json.WriteNumber("shapes", counts.Shapes);
            json.WriteStartObject("complexities");
            foreach (var (name, count) in counts.Complexities) json.WriteNumber(name, count);
            json.WriteEndObject();
        },
        text =>
        {
            foreach (var target in targets)
                text.WriteLine($"written    {target.Path}: {Amount.Of(target.Rows, "row")}, "
                    + $"{ByteSize.Format(new FileInfo(target.Path).Length)}");
            text.WriteLine($"rows       {counts.Domains} domains, {counts.Shapes} kinds of questions");
            text.WriteLine($"           {string.Join(", ", counts.Complexities.Select(pair => $"{pair.Key} {pair.Value}"))}");
            string data = ShellText.Quote(targets[0].Path);
            string evaluation = targets.Length > 1 ? $" --eval-dataset {ShellText.Quote(targets[1].Path)}" : "";
            text.WriteLine($"next       lapidary data inspect {data} --row 1");
            text.WriteLine($"           lapidary train --model google/gemma-3-1b-pt --tokenizer google/gemma-3-1b-it "
                + $"--dataset {data}{evaluation} --template {RowTemplate.TextToSqlName}");
        });

    private static void List(CommandRun run, SyntheticSqlOptions options)
    {
        var domains = SyntheticSql.DomainsOf(options);
        run.Print(
            json =>
            {
                json.WriteStartArray("domains");
                foreach (var domain in domains)
                {
                    json.WriteStartObject();
                    json.WriteString("name", domain.Name);
                    json.WriteString("description", domain.Description);
                    json.WriteString("split", domain.IsTest ? "test" : "train");
                    json.WriteStartArray("tables");
                    foreach (var table in domain.Tables) json.WriteStringValue(table.Plural);
                    json.WriteEndArray();
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            },
            text =>
            {
                int width = domains.Max(domain => domain.Name.Length);
                foreach (var domain in domains)
                {
                    text.WriteLine($"{domain.Name.PadRight(width)}  {(domain.IsTest ? "test " : "train")}  "
                        + string.Join(", ", domain.Tables.Select(table => table.Plural)));
                }
            });
    }

    /// <summary>Refuses options that leave no domain, and says which kind of domain is missing.</summary>
    private static void RequireDomains(CommandRun run, SyntheticSqlOptions options)
    {
        if (SyntheticSql.HasDomains(options)) return;
        string kind = options.Split switch
        {
            SyntheticSplit.Train => "domain for training",
            SyntheticSplit.Test => "domain for testing",
            _ => "domain",
        };
        string why = run.Values.Get(EvalRows) > 0 ? $"; --{EvalRows.Name} needs domains for training and others for testing" : "";
        throw run.Wrong(
            $"--{Domains.Name} and --{ExcludeDomains.Name} leave no {kind}{why}; 'lapidary data synth --list-domains' shows them.");
    }

    private static void CheckDomains(string text) => Check(text, SyntheticSql.Domains);

    private static void Check(string text, IReadOnlyList<string> known)
    {
        foreach (string name in Names([text]))
        {
            if (known.Contains(name)) continue;
            string names = NearestName.Of(name, known) is { } near ? $"a known name such as {near}" : string.Join(", ", known);
            throw SettingText.Expected(names, name);
        }
    }

    private static string[] Names(IReadOnlyList<string> texts) =>
        [.. texts.SelectMany(text => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];

    /// <summary>A file to write.</summary>
    private sealed record Target(string Path, int Rows, SyntheticSqlOptions Options);

    /// <summary>What the rows are, for the report.</summary>
    private sealed class SynthCounts
    {
        private readonly HashSet<string> _domains = [], _shapes = [];
        private readonly Dictionary<string, int> _complexities = [];

        public int Domains => _domains.Count;

        public int Shapes => _shapes.Count;

        public IEnumerable<KeyValuePair<string, int>> Complexities =>
            SyntheticSql.Complexities.Where(_complexities.ContainsKey).Select(name => KeyValuePair.Create(name, _complexities[name]));

        public void Add(SyntheticRow row)
        {
            _domains.Add(row.Row.Domain!);
            _shapes.Add(row.Shape);
            _complexities[row.Row.Complexity!] = _complexities.GetValueOrDefault(row.Row.Complexity!) + 1;
        }
    }
}
