using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.TextToSql.Demo;
using Lapidary.Training;
using Lapidary.Training.Checkpoints;

namespace Lapidary.TextToSql;

/// <summary>The complete workflow of the guide on the built-in model: data, evaluation before, QLoRA, evaluation after, merge, a question.
/// Each step reports its task, its result, and the command line that does the same.</summary>
/// <param name="options">Options: folder, number of steps.</param>
/// <param name="backend">The device.</param>
/// <param name="observer">Receives the progress.</param>
/// <param name="time">The clock; null for the system clock.</param>
public sealed class DemoRun(DemoOptions options, IBackend backend, IDemoObserver observer, TimeProvider? time = null)
{
    /// <summary>More than the longest query needs.</summary>
    private const int MaxNewTokens = 160;

    /// <summary>The guide's settings.</summary>
    private static readonly LoraConfig Lora = LoraConfig.Guide;

    private static readonly DataSetOptions RowOptions = new() { Template = RowTemplate.TextToSql };

    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>Runs all steps.</summary>
    /// <param name="cancellationToken">Ends the run after the training step or the answers at hand with an
    /// <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="LapidaryException">The folder exists, cannot be written, or an option is out of range.</exception>
    public DemoResult Run(CancellationToken cancellationToken = default)
    {
        if (options.Steps < 1) throw new LapidaryException($"steps must be at least 1, got {options.Steps}.");
        long started = _time.GetTimestamp();
        using var folder = DemoFolder.Create(options.OutputDir, options.Overwrite);
        var (train, rows) = Prepare(folder, cancellationToken);
        var (tokenizer, template) = (Tokenizer.Load(folder.Model), ChatTemplate.Load(folder.Model));
        var evaluation = SqlEvaluation.Create(tokenizer, template, rows, new() { MaxNewTokens = MaxNewTokens }, cancellationToken);

        long parameters, trained;
        int steps;
        SqlAccuracy before, after;
        IReadOnlyList<SqlScore> scores;
        using (var model = GemmaModel.Load(folder.Model, backend, new() { Quantization = QuantizationKind.Nf4 }))
        {
            parameters = (long)model.Config.VocabSize * model.Config.HiddenSize + model.LinearLayers.Sum(layer => layer.Weight.Count);
            var beforeScores = Before(model, evaluation, folder, cancellationToken);
            before = SqlAccuracy.Of(beforeScores);
            var metric = new DemoMetric(evaluation, beforeScores, () => TellAfter(folder), Work());
            var encoder = new GemmaTextEncoder(tokenizer, template);
            using var trainer = Train(model, encoder, train, metric, folder, cancellationToken);
            (trained, steps) = (model.Adapter!.ParameterCount, trainer.TotalSteps);
            scores = metric.After;
            after = Show(before, SqlAccuracy.Of(scores));
        }

        float distance = Merge(folder, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        int asked = Math.Max(0, scores.ToList().FindIndex(score => score.IsRight));
        string generated = Ask(evaluation.Rows[asked], tokenizer, template, folder, cancellationToken);
        return new DemoResult
        {
            OutputDir = folder.Root,
            Model = folder.Model,
            Adapter = folder.Adapter,
            Merged = folder.Merged,
            Tables = folder.Tables,
            Parameters = parameters,
            TrainedParameters = trained,
            Rows = (train.Count, evaluation.Rows.Count),
            Steps = steps,
            Before = before,
            After = after,
            MergeDistance = distance,
            Sample = (evaluation.Rows[asked].SqlPrompt, evaluation.Rows[asked].Sql, generated),
            Elapsed = _time.GetElapsedTime(started),
        };
    }

    private (DataSet Train, TextToSqlRow[] Test) Prepare(DemoFolder folder, CancellationToken cancellationToken)
    {
        observer.OnDemoStep(new(
            1, "Data", "Writes gemlet, a tiny pre-trained Gemma 3, and questions with the SQL that answers them.",
            DemoCommands.Data(folder, options)));
        options.WriteModel(folder.Model);
        var rows = new SyntheticSqlOptions { Seed = options.Seed };
        TextToSqlRow[] train = [.. SyntheticSql.Rows(options.TrainRows, rows with { Split = SyntheticSplit.Train }, cancellationToken)];
        TextToSqlRow[] test = [.. SyntheticSql.Rows(options.TestRows, rows with { Split = SyntheticSplit.Test }, cancellationToken)];
        TextToSqlData.Write(folder.TrainFile, train);
        TextToSqlData.Write(folder.TestFile, test);
        observer.OnResult($"{train.Length} rows to train on, and {test.Length} about other tables to test with. The first:");
        observer.OnResult($"{train[0].SqlContext.Trim()}\n{train[0].SqlPrompt}\n=> {train[0].Sql}");
        return (DataSet.Load(folder.TrainFile, RowOptions), test);
    }

    private IReadOnlyList<SqlScore> Before(
        GemmaModel model, SqlEvaluation evaluation, DemoFolder folder, CancellationToken cancellationToken)
    {
        observer.OnDemoStep(new(
            2, "Before", "Quantizes the model to 4 bits (NF4), asks it the test questions, and runs the SQL that it writes.",
            DemoCommands.Before(folder, MaxNewTokens)));
        var scores = evaluation.Run(model, Work(), cancellationToken);
        observer.OnResult($"right answers before training: {Describe(SqlAccuracy.Of(scores))}");
        return scores;
    }

    private SftTrainer Train(
        GemmaModel model, GemmaTextEncoder encoder, DataSet train, DemoMetric metric, DemoFolder folder,
        CancellationToken cancellationToken)
    {
        var config = Config(folder);
        int steps = options.Steps ?? DemoPace.Steps(model, encoder, train, config, Lora, _time, cancellationToken);
        config = config with
        {
            MaxSteps = steps,
            EvalStrategy = IntervalStrategy.Steps,
            EvalSteps = steps,
            EvalMetric = metric.Name,
            EvalMaxNewTokens = MaxNewTokens,
        };
        observer.OnDemoStep(new(
            3, "Train", "QLoRA, as in the guide: matrices of rank 16 on every projection, and the embedding, which is also the head.",
            DemoCommands.Train(folder, config, Lora)));
        if (options.Steps is null) observer.OnResult($"{config.MaxSteps} steps take a minute or two here, with the evaluations");
        var test = DataSet.Load(folder.TestFile, RowOptions);
        var trainer = SftTrainer.Create(model, encoder, train, config, Lora, test, observer, metric: metric);
        try
        {
            trainer.Settings = DemoCommands.Settings(folder, RunSettings.Of(model, model.Adapter!, config, worldSize: 1));
            int sequences = trainer.LabelReport!.Sequences;
            if (sequences < train.Count)
            {
                observer.OnResult($"{train.Count} rows become {sequences} packed rows: short ones share the {config.MaxLength} tokens of "
                    + "one, so that no time goes into padding");
            }

            trainer.Train(cancellationToken: cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            return trainer;
        }
        catch
        {
            trainer.Dispose();
            throw;
        }
    }

    /// <summary>The guide's options, except: a learning rate and a schedule for such a small model, a loss on the answers alone, and no
    /// accumulation, because more and smaller steps teach more in the same time.</summary>
    private SftConfig Config(DemoFolder folder) => new()
    {
        OutputDir = folder.Adapter,
        GradientAccumulationSteps = 1,
        LearningRate = 1e-3,
        LrSchedulerType = LrSchedulerType.Cosine,
        MaxGradNorm = 1,
        GradientCheckpointing = GradientCheckpointing.False,
        AssistantOnlyLoss = true,
        LoggingSteps = 50,
        SaveStrategy = IntervalStrategy.No,
        EvalStrategy = IntervalStrategy.No, // of the trial that finds the pace
        Seed = options.Seed,
    };

    private void TellAfter(DemoFolder folder) => observer.OnDemoStep(new(
        4, "After", "Asks the same questions again, with the adapter.", DemoCommands.After(folder, MaxNewTokens)));

    private SqlAccuracy Show(SqlAccuracy before, SqlAccuracy after)
    {
        observer.OnResult($"right answers before training: {Describe(before)}\nright answers after training:  {Describe(after)}");
        foreach (var (complexity, share) in after.ByComplexity)
            observer.OnResult($"{share.ExecutionAccuracy,6:P0} of {share.Rows,3} {complexity}");
        return after;
    }

    private float Merge(DemoFolder folder, CancellationToken cancellationToken)
    {
        observer.OnDemoStep(new(
            5, "Merge", "Adds the adapter to the weights it was trained on, and writes a model that needs no adapter.",
            DemoCommands.Merge(folder)));
        var merge = new MergeOptions { FromNf4 = true, CancellationToken = cancellationToken };
        var check = Merger.Merge(folder.Model, folder.Adapter, folder.Merged, merge, backend);
        observer.OnResult(check.ToString());
        return check.MaxDistance;
    }

    /// <summary>Asks the merged model a question, and shows what its SQL finds.</summary>
    private string Ask(
        TextToSqlRow row, Tokenizer tokenizer, ChatTemplate template, DemoFolder folder, CancellationToken cancellationToken)
    {
        observer.OnDemoStep(new(
            6, "Ask", "Asks the merged model one of these questions, and runs the SQL.", DemoCommands.Generate(folder, MaxNewTokens)));
        var columns = new Dictionary<string, object?> { ["sql_prompt"] = row.SqlPrompt, ["sql_context"] = row.SqlContext };
        QuestionFile.Write(folder.Question, RowTemplate.TextToSql.Format(columns, withAnswer: false)[0]);
        TablesFile.Write(folder.Tables, row.SqlContext);
        using var merged = GemmaModel.Load(folder.Merged, backend);
        var score = SqlEvaluation.Create(tokenizer, template, [row], new() { MaxNewTokens = MaxNewTokens }, cancellationToken)
            .Run(merged, progress: null, cancellationToken)[0];
        observer.OnResult($"question:  {row.SqlPrompt}\nexpected:  {row.Sql}\ngenerated: {score.Answer}");
        observer.OnResult(score.Found?.ToString() ?? score.Why ?? "");
        return score.Answer;
    }

    private Forward Work() => new(observer);

    private static string Describe(SqlAccuracy accuracy) =>
        $"{accuracy.ExecutionAccuracy:P0} (95 % interval {accuracy.Interval.Low:P0} – {accuracy.Interval.High:P0})";

    private sealed class Forward(IDemoObserver observer) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => observer.OnWork(value);
    }
}
