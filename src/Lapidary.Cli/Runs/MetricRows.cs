using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.TextToSql;
using Lapidary.Training;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Cli.Runs;

/// <summary>The metric of a run: its evaluation rows with the columns that a scorer needs, which the rows that are trained on have no
/// more.</summary>
internal static class MetricRows
{
    /// <summary>Takes a row's context and reference as they are.</summary>
    private static readonly RowTemplate Raw = new(System: null, new PromptTemplate("{sql_context}"), new PromptTemplate("{sql}"));

    /// <summary>Takes the question too, which is shown to people but not needed.</summary>
    private static readonly RowTemplate WithQuestion = Raw with { System = new PromptTemplate("{sql_prompt}") };

    /// <summary>Reads the columns and prepares the metric.</summary>
    /// <param name="run">The command.</param>
    /// <param name="config">Options.</param>
    /// <param name="evaluation">Rows to evaluate on; the prompts are theirs.</param>
    /// <param name="text">Tokenizer and template.</param>
    /// <param name="read">Reads the same rows again with another template.</param>
    /// <exception cref="LapidaryException">A row lacks a column, the rows come from a pipe, or none can be scored.</exception>
    public static SqlEvaluation Evaluation(
        CommandRun run, SftConfig config, DataSet evaluation, TextTools? text, Func<RowTemplate, DataSet> read)
    {
        var names = run.Values.Get(DataSettings.EvalDataSet) is { Count: > 0 } others ? others : run.Values.Require(DataSettings.DataSet);
        if (names.Any(DataSettings.IsPipe))
            throw new LapidaryException("EvalMetric reads rows a second time, which a pipe does not have; save them in a file.");
        var tools = text ?? throw TextTools.NoTokenizer();
        DataSet raw;
        try
        {
            raw = QuestionsOrNull(read) ?? read(Raw);
        }
        catch (LapidaryException e)
        {
            // A text, so that keys in both parts are shown as options.
            string message = $"{e.Message} EvalMetric {config.EvalMetric} compares results of queries, which rows have with sql_context "
                + "and sql; 'lapidary data prepare' keeps these columns with --keep-columns.";
            throw new LapidaryException(message, e);
        }

        using var work = new WorkScreen(run.Terminal, run.IsJson);
        var options = new SqlEvaluationOptions
        {
            MaxRows = config.EvalMetricRows,
            Seed = config.Seed,
            MaxNewTokens = config.EvalMaxNewTokens,
        };
        return SqlEvaluation.WithPrompts(
            tools.Tokenizer, row => RowPrompt.Ids(evaluation.Rows[row], () => tools.Tokenizer, () => tools.Template),
            new RowList(raw), options, run.Interrupted);
    }

    private static DataSet? QuestionsOrNull(Func<RowTemplate, DataSet> read)
    {
        try
        {
            return read(WithQuestion);
        }
        catch (LapidaryException)
        {
            return null; // rows without this column, or with a fault that reading them without it names
        }
    }

    /// <summary>"sql_execution on 187 of 2,500 evaluation rows".</summary>
    public static string Describe(SqlEvaluation metric, int rows)
    {
        int left = metric.Drawn - metric.Rows.Count;
        return $"{metric.Name} on {metric.Rows.Count:N0} of {rows:N0} evaluation rows"
            + (left > 0 ? $"; {left:N0} more that were drawn have no result to compare" : "");
    }

    /// <summary>Rows that are decoded when they are requested.</summary>
    private sealed class RowList(DataSet raw) : IReadOnlyList<TextToSqlRow>
    {
        public int Count => raw.Count;

        public TextToSqlRow this[int index]
        {
            get
            {
                var messages = ((MessagesRow)raw.Rows[index]).Messages;
                string question = messages is [{ Role: "system" } system, ..] ? system.Content! : "";
                return new TextToSqlRow(question, messages[^2].Content!, messages[^1].Content!);
            }
        }

        public IEnumerator<TextToSqlRow> GetEnumerator() => Enumerable.Range(0, Count).Select(row => this[row]).GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }

    /// <summary>The data sets that eval would score the trained model on: rows of SQL that the run was evaluated on, if eval finds them by
    /// their names alone.</summary>
    public static IReadOnlyList<string> ForEval(SettingValues values, SftConfig config, TrainingData data)
    {
        bool isSql = config.EvalMetric == SqlEvaluation.MetricName
            || values.Get(DataSettings.Template).Contains(RowTemplate.TextToSqlName);
        bool isElsewhere = values.IsGiven(DataSettings.Config) || values.IsGiven(DataSettings.Split);
        if (!isSql || isElsewhere || data.Evaluation is null || values.Get(DataSettings.TestSize) > 0) return [];
        var names = values.Get(DataSettings.EvalDataSet) is { Count: > 0 } given ? given : values.Get(DataSettings.DataSet);
        return names.Any(DataSettings.IsPipe) ? [] : names;
    }
}
