#:project ../src/Lapidary.TextToSql/Lapidary.TextToSql.csproj

// Google's guide "Fine-tune Gemma using Hugging Face Transformers and QLoRA" in C#, on a built-in tiny model, so that it needs no download:
//   dotnet run -c Release samples/fine-tune.cs
// For a real one, leave TinyGemma out and give its folder, such as one with google/gemma-3-1b-pt.

using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.TextToSql;
using Lapidary.Training;

const string ModelFolder = "fine-tune-output/model", OutputFolder = "fine-tune-output/gemma-text-to-sql";
const string MergedFolder = "fine-tune-output/merged";
TinyGemma.Write(ModelFolder);
TextToSqlData.Write("fine-tune-output/text-to-sql.jsonl", TextToSqlData.Rows());

// The data set: columns sql_prompt, sql_context and sql become a conversation; then shuffle, select and split.
var dataset = DataSet.Load("fine-tune-output/text-to-sql.jsonl", new DataSetOptions { Template = RowTemplate.TextToSql });
var (train, test) = dataset.Shuffle(seed: 42).Select(380).TrainTestSplit(testSize: 0.1, seed: 42);
Console.WriteLine(((MessagesRow)train.Rows[34]).Messages[0].Content);

// The model with its projections in 4 bits, and the tokenizer with its chat template.
using var backend = new CpuBackend();
using (var model = GemmaModel.Load(ModelFolder, backend, new ModelOptions { Quantization = QuantizationKind.Nf4, DoubleQuant = true }))
{
    var encoder = new GemmaTextEncoder(Tokenizer.Load(ModelFolder), ChatTemplate.Load(ModelFolder));
    var peftConfig = new LoraConfig
    {
        LoraAlpha = 16,
        LoraDropout = 0.05,
        R = 16,
        TargetModules = ModuleSelector.AllLinear,
        ModulesToSave = ["lm_head", "embed_tokens"],
        EnsureWeightTying = true,
    };
    var config = new SftConfig
    {
        OutputDir = OutputFolder,
        OverwriteOutputDir = true, // so that this program can run again
        MaxLength = 512,
        Packing = true,
        NumTrainEpochs = 2,
        PerDeviceTrainBatchSize = 1,
        GradientAccumulationSteps = 2,
        GradientCheckpointing = GradientCheckpointing.True,
        LoggingSteps = 10,
        LearningRate = 5e-3, // 2e-4 for a pretrained model
        MaxGradNorm = 0.3,
        WarmupRatio = 0.03,
        AssistantOnlyLoss = true,
    };

    using var trainer = SftTrainer.Create(model, encoder, train, config, peftConfig, eval: test, observer: new ConsoleLog());
    Console.WriteLine(trainer.LabelReport);
    trainer.Train(); // saves a checkpoint each epoch, and the adapter at the end
}

// Merge into the values that the adapter was trained on.
Merger.Merge(ModelFolder, OutputFolder, MergedFolder, new MergeOptions { FromNf4 = true, Overwrite = true });

// Ask the merged model a question of the test set.
using var merged = GemmaModel.Load(MergedFolder, backend);
var sample = (MessagesRow)test.Rows[0];
var tokenizer = Tokenizer.Load(MergedFolder);
int[] prompt = ChatTemplate.Load(MergedFolder).Encode(tokenizer, [sample.Messages[0]], addGenerationPrompt: true);
using var generator = new TextGenerator(merged);
var options = GenerationOptions.From(GenerationConfig.Load(MergedFolder, merged.Config), tokenizer) with { MaxNewTokens = 64 };
int[] answer = [.. generator.Generate(prompt, options)];
Console.WriteLine($"{sample.Messages[0].Content}\nOriginal answer:  {sample.Messages[1].Content}");
Console.WriteLine($"Generated answer: {tokenizer.Decode(answer, skipSpecialTokens: true)}");

internal sealed class ConsoleLog : ITrainingObserver
{
    public void OnLog(LogEntry entry) => Console.WriteLine(entry.EvalLoss is { } eval
        ? $"epoch {entry.Epoch:F0}: evaluation loss {eval:F3}, {entry.EvalMeanTokenAccuracy:P0} of tokens right"
        : $"step {entry.Step,3}: loss {entry.Loss:F3}, {entry.TokensPerSecond:F0} tokens per second");
}
