using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.TextToSql.Demo;
using Lapidary.Training;

namespace Lapidary.TextToSql;

/// <summary>The complete workflow of the guide on a built-in model: prepare, quantize, train, merge, generate. Each step reports its task,
/// its result, and the command line that does the same.</summary>
/// <param name="options">Options: folder, number of steps.</param>
/// <param name="backend">The device.</param>
/// <param name="observer">Receives the progress.</param>
/// <param name="time">The clock; null for the system clock.</param>
public sealed class DemoRun(DemoOptions options, IBackend backend, IDemoObserver observer, TimeProvider? time = null)
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>The guide's settings without dropout, which such a small model does not need.</summary>
    private static readonly LoraConfig Lora = LoraConfig.Guide with { LoraDropout = 0 };

    /// <summary>The guide's training options, with two changes: a learning rate that suits such a small model, and a loss on only the
    /// assistant's text, so that it measures the queries.</summary>
    private SftConfig Config(DemoFolder folder) => new()
    {
        OutputDir = folder.Adapter,
        MaxLength = 512,
        MaxSteps = options.Steps,
        LearningRate = 4e-3,
        MaxGradNorm = 1,
        LrSchedulerType = LrSchedulerType.Cosine,
        GradientAccumulationSteps = 1,
        GradientCheckpointing = GradientCheckpointing.False,
        AssistantOnlyLoss = true,
        LoggingSteps = 100,
        SaveStrategy = IntervalStrategy.No,
        EvalStrategy = IntervalStrategy.No,
        Seed = options.Seed,
    };

    /// <summary>Runs all steps.</summary>
    /// <param name="cancellationToken">Ends the run after the training step at hand with an
    /// <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="LapidaryException">The folder exists, cannot be written, or an option is out of range.</exception>
    public DemoResult Run(CancellationToken cancellationToken = default)
    {
        Validate();
        long started = _time.GetTimestamp();
        using var folder = DemoFolder.Create(options.OutputDir, options.Overwrite);
        var (train, test) = Prepare(folder);
        var encoder = new GemmaTextEncoder(Tokenizer.Load(folder.Model), ChatTemplate.Load(folder.Model));

        long parameters, trained;
        (long, long) bytes;
        DemoScore before, after;
        using (var model = Quantize(folder, cancellationToken))
        {
            parameters = (long)model.Config.VocabSize * model.Config.HiddenSize + model.LinearLayers.Sum(layer => layer.Weight.Count);
            bytes = ProjectionBytes(model);
            before = Score(model, encoder, test, folder);
            (trained, after) = Train(model, encoder, train, test, before, folder, cancellationToken);
        }

        float distance = Merge(folder, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        using var merged = GemmaModel.Load(folder.Merged, backend);
        var mergedScore = Score(merged, encoder, test, folder);
        observer.OnResult($"held-out rows on the merged model: {Describe(mergedScore)}");
        var (sample, exact) = Generate(merged, test, folder, cancellationToken);
        return new DemoResult
        {
            OutputDir = folder.Root,
            Parameters = parameters,
            TrainedParameters = trained,
            Rows = (train.Count, test.Count),
            ProjectionBytes = bytes,
            Steps = options.Steps,
            Before = before,
            After = after,
            Merged = mergedScore,
            MergeDistance = distance,
            Sample = sample,
            Exact = exact,
            Elapsed = _time.GetElapsedTime(started),
        };
    }

    private (DataSet Train, DataSet Test) Prepare(DemoFolder folder)
    {
        observer.OnDemoStep(new(
            1, "Prepare",
            "Writes a tiny Gemma 3 with random weights, and questions about small tables with the SQL that answers them.", null));
        TinyGemma.Write(folder.Model, options.Seed);
        var rows = TextToSqlData.Rows(options.Seed);
        TextToSqlData.Write(folder.TestFile, rows.Take(options.HeldOutRows));
        TextToSqlData.Write(folder.TrainFile, rows.Skip(options.HeldOutRows));
        var template = new DataSetOptions { Template = RowTemplate.TextToSql };
        var (train, test) = (DataSet.Load(folder.TrainFile, template), DataSet.Load(folder.TestFile, template));
        observer.OnResult(
            $"{folder.Model}, {train.Count} rows to train on, {test.Count} held out. "
            + "What the model reads, and what it is to write:");
        var messages = ((MessagesRow)train.Rows[0]).Messages;
        observer.OnResult($"{messages[0].Content!.Trim()}\n=> {messages[1].Content}");
        return (train, test);
    }

    private GemmaModel Quantize(DemoFolder folder, CancellationToken cancellationToken)
    {
        observer.OnDemoStep(new(
            2, "Quantize", "Stores the projections in 4 bits (NF4, scales quantized too), which stay frozen from here on.",
            DemoCommands.Quantize(folder)));
        Quantizer.Quantize(folder.Model, folder.Quantized, new QuantizeOptions { CancellationToken = cancellationToken }, backend);
        var model = GemmaModel.Load(folder.Model, backend, new ModelOptions { Quantization = QuantizationKind.Nf4 });
        var (wide, narrow) = ProjectionBytes(model);
        observer.OnResult(
            $"{model.LinearLayers.Count} projections: {ByteSize.Format(wide)} in bf16, {ByteSize.Format(narrow)} in NF4, "
            + $"{16.0 * narrow / wide:F2} bits per weight; written to {folder.Quantized}");
        return model;
    }

    private (long Trained, DemoScore After) Train(
        GemmaModel model, GemmaTextEncoder encoder, DataSet train, DataSet test, DemoScore before, DemoFolder folder,
        CancellationToken cancellationToken)
    {
        var config = Config(folder);
        observer.OnDemoStep(new(
            3, "Train", "Puts LoRA matrices on every projection, and trains them with the embedding, which is also the head.",
            DemoCommands.Train(folder, config, Lora)));
        int vocabulary = model.Config.VocabSize;
        observer.OnResult(
            $"held-out rows before: {Describe(before)}; guessing among {vocabulary} tokens costs {Math.Log(vocabulary):F2} nats");
        using var trainer = SftTrainer.Create(model, encoder, train, config, Lora, observer: observer);
        observer.OnResult(trainer.LabelReport!.ToString());
        trainer.Train(cancellationToken: cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        long trained = model.Adapter!.ParameterCount;
        var after = Score(model, encoder, test, folder);
        observer.OnResult($"held-out rows after: {Describe(after)}; trained {trained:N0} values, saved in {folder.Adapter}");
        return (trained, after);
    }

    private float Merge(DemoFolder folder, CancellationToken cancellationToken)
    {
        observer.OnDemoStep(new(
            4, "Merge", "Adds the adapter to the weights it was trained on, and writes a model that needs no adapter.",
            DemoCommands.Merge(folder)));
        var merge = new MergeOptions { FromNf4 = true, CancellationToken = cancellationToken };
        var check = Merger.Merge(folder.Model, folder.Adapter, folder.Merged, merge, backend);
        observer.OnResult(check.ToString());
        return check.MaxDistance;
    }

    private ((string, string, string) Sample, (int, int) Exact) Generate(
        GemmaModel model, DataSet test, DemoFolder folder, CancellationToken cancellationToken)
    {
        observer.OnDemoStep(new(
            5, "Generate", "Asks the merged model questions that it has not seen.",
            DemoCommands.Generate(folder)));
        using var questions = new DemoQuestions(model);
        var rows = TextToSqlData.Rows(options.Seed);
        int right = 0;
        (string, string, string)? sample = null;
        for (int i = 0; i < test.Count; i++)
        {
            var row = (MessagesRow)test.Rows[i];
            string sql = questions.Ask(row.Messages[0], cancellationToken);
            if (sql == row.Messages[1].Content) right++;
            if (i == 0) DemoQuestions.Write(folder.Question, row.Messages[0]);
            sample ??= (rows[i].SqlPrompt, rows[i].Sql, sql);
        }

        var (question, expected, generated) = sample!.Value;
        observer.OnResult($"question:  {question}\nexpected:  {expected}\ngenerated: {generated}");
        observer.OnResult(
            $"{right} of {test.Count} held-out questions answered word for word. A random model of this size learns the form of the "
            + "answers first; a pretrained Gemma brings the rest.");
        return (sample.Value, (right, test.Count));
    }

    private DemoScore Score(GemmaModel model, GemmaTextEncoder encoder, DataSet data, DemoFolder folder)
    {
        var prepared = PreparedDataSet.Create(data, encoder, model.Config, Config(folder));
        using var evaluator = new Evaluator(model, prepared.Packed, batchSize: 1);
        var (loss, accuracy) = evaluator.Run();
        return new DemoScore(loss, accuracy);
    }

    private void Validate()
    {
        if (options.Steps < 1) throw new LapidaryException($"steps must be at least 1, got {options.Steps}.");
    }

    private static (long BFloat16, long Nf4) ProjectionBytes(GemmaModel model) => (
        model.LinearLayers.Sum(layer => 2 * layer.Weight.Count),
        model.LinearLayers.Sum(layer => layer.Weight.LengthBytes + (layer.Weight.Scales?.LengthBytes ?? 0)));

    private static string Describe(DemoScore score) => $"{score.Loss:F2} nats per token, {score.Accuracy:P0} of tokens right";
}
