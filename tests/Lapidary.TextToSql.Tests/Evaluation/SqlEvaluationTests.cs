using Lapidary.Engine;
using Lapidary.Engine.Distributed;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training;

namespace Lapidary.TextToSql.Tests.Evaluation;

public sealed class SqlEvaluationTests : IDisposable
{
    private const string Context = "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2);";

    private readonly string _folder = Fixtures.TemporaryFolder();
    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate _template;

    public SqlEvaluationTests()
    {
        TinyGemma.Write(_folder);
        (_tokenizer, _template) = (Tokenizer.Load(_folder), ChatTemplate.Load(_folder));
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void RowsThatCannotBeScored_AreLeftOut()
    {
        var evaluation = Create(
        [
            new("one?", Context, "SELECT a FROM t"), new("none?", Context, "SELECT a FROM t WHERE a > 5"),
            new("what?", Context, "SELECT b FROM t"), new("where?", "CREATE TABL", "SELECT 1"),
            new("two?", Context, "SELECT MAX(a) FROM t"),
        ]);
        Assert.Equal(["one?", "two?"], evaluation.Rows.Select(row => row.SqlPrompt));
        Assert.Equal((5, 2), (evaluation.Drawn, evaluation.Texts));
        var nothing = Assert.Throws<LapidaryException>(() => Create([new("none?", Context, "SELECT a FROM t WHERE a > 5")]));
        Assert.Contains("found none among 1", nothing.Message, StringComparison.Ordinal);
        Assert.Throws<LapidaryException>(() => Create([]));
        Assert.Throws<LapidaryException>(() => Create([new("one?", Context, "SELECT a FROM t")], new() { MaxNewTokens = 0 }));
    }

    [Fact]
    public void ADraw_DependsOnTheSeedAlone()
    {
        var rows = Enumerable.Range(0, 40).Select(i => new TextToSqlRow($"{i}", Context, "SELECT a FROM t")).ToArray();
        string[] Drawn(long seed) => [.. Create(rows, new() { MaxRows = 10, Seed = seed }).Rows.Select(row => row.SqlPrompt)];
        Assert.Equal(Drawn(1), Drawn(1));
        Assert.NotEqual(Drawn(1), Drawn(2));
        Assert.Equal(Drawn(1).OrderBy(text => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture)), Drawn(1));
    }

    /// <summary>A run that teaches the model one answer to all questions, and measures it by two thirds of them.</summary>
    [Fact]
    public void ARun_MeasuresTheModelInTraining_AndRanksAgree()
    {
        TextToSqlRow[] rows = [.. Enumerable.Range(0, 6).Select(i => new TextToSqlRow(
            $"How many rows has table {i}?", Context, i < 4 ? "SELECT COUNT(*) FROM t" : "SELECT MIN(a) FROM t"))];
        var evaluation = Create(rows, new() { MaxNewTokens = 12 });
        var data = new DataSet(rows.Select(row => new MessagesRow(RowTemplate.TextToSql.Format(new Dictionary<string, object?>
        {
            ["sql_prompt"] = row.SqlPrompt,
            ["sql_context"] = row.SqlContext,
            ["sql"] = rows[0].Sql,
        }))));
        using var model = Load();
        var config = new SftConfig
        {
            OutputDir = Path.Combine(_folder, "run"),
            MaxSteps = 60,
            LearningRate = 4e-3,
            MaxGradNorm = 1,
            GradientAccumulationSteps = 1,
            AssistantOnlyLoss = true,
            Packing = false,
            EvalStrategy = IntervalStrategy.Steps,
            EvalSteps = 30,
            SaveStrategy = IntervalStrategy.Steps,
            SaveSteps = 30,
            EvalMetric = SqlEvaluation.MetricName,
            LoadBestModelAtEnd = true,
            ReportTo = ReportTo.None,
        };
        var encoder = new GemmaTextEncoder(_tokenizer, _template);
        using var trainer = SftTrainer.Create(
            model, encoder, data, config, LoraConfig.Guide with { LoraDropout = 0 }, eval: data, metric: evaluation);
        var state = trainer.Train(cancellationToken: Token);
        double?[] values = [.. state.LogHistory.Where(entry => entry.EvalMetric is not null).Select(entry => entry.EvalMetricValue)];
        Assert.Equal((3, 0.0, 4 / 6.0), (values.Length, values[0], state.BestMetric));

        var scores = evaluation.Run(model, progress: null, Token);
        Assert.Equal([true, true, true, true, false, false], scores.Select(score => score.IsRight));
        foreach (int worldSize in new[] { 1, 2, 3 })
        {
            var groups = ThreadGroup.Create(worldSize);
            Assert.All(OnEach(worldSize, rank => Measure(evaluation, groups[rank])), value => Assert.Equal(4 / 6.0, value));
        }
    }

    [Fact]
    public void ACancelledRank_EndsAll()
    {
        var evaluation = Create([.. TextToSqlData.Rows().Take(4)], new() { MaxNewTokens = 6 });
        var groups = ThreadGroup.Create(2);
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.All(OnEach(2, rank =>
        {
            using var model = Load();
            using var engine = new GenerationEngine(model);
            return evaluation.Measure(engine, groups[rank], rank == 1 ? stop.Token : Token);
        }), value => Assert.Null(value));
        using var alone = Load();
        Assert.Throws<OperationCanceledException>(() => evaluation.Run(alone, progress: null, stop.Token));
    }

    /// <summary>Each rank has the model with the adapter that the run has saved.</summary>
    private double? Measure(SqlEvaluation evaluation, RankGroup ranks)
    {
        using var model = Load();
        using var adapter = Adapter.Load(model, Path.Combine(_folder, "run"));
        model.Attach(adapter);
        using var engine = new GenerationEngine(model);
        return evaluation.Measure(engine, ranks, Token);
    }

    private static double?[] OnEach(int ranks, Func<int, double?> measure)
    {
        var values = new double?[ranks];
        Thread[] threads = [.. Enumerable.Range(0, ranks).Select(rank => new Thread(() => values[rank] = measure(rank)))];
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        return values;
    }

    private GemmaModel Load() => GemmaModel.Load(_folder, new CpuBackend(threads: 1));

    private SqlEvaluation Create(IReadOnlyList<TextToSqlRow> rows, SqlEvaluationOptions? options = null) =>
        SqlEvaluation.Create(_tokenizer, _template, rows, options, Token);
}
