#:project ../src/Lapidary.TextToSql/Lapidary.TextToSql.csproj

// Google's guide "Fine-tune Gemma using Hugging Face Transformers and QLoRA" in C#, section by section; docs/guide.md walks through it.
//   dotnet run -c Release samples/text-to-sql.cs                           the built-in model and generated rows: nothing to download
//   dotnet run -c Release samples/text-to-sql.cs -- google/gemma-3-1b-pt   the guide's model and data set, after "lapidary login"

using System.Text.RegularExpressions;
using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.TextToSql;
using Lapidary.Training;
using Microsoft.Extensions.AI;

const string MergedModel = "fine-tune-output/merged_model";
bool isBuiltIn = args.Length == 0;
string modelId = isBuiltIn ? "fine-tune-output/gemlet" : args[0]; // or google/gemma-3-4b-pt, google/gemma-3-12b-pt, google/gemma-3-27b-pt

// Create and prepare the fine-tuning dataset: the columns sql_context, sql_prompt and sql of a row become a conversation.
var columns = new DataSetOptions { Template = RowTemplate.TextToSql };
DataSet train, test;
if (isBuiltIn)
{
    train = DataSet.From(SyntheticSql.Rows(3_000, new SyntheticSqlOptions { Split = SyntheticSplit.Train }), columns);
    test = DataSet.From(SyntheticSql.Rows(100, new SyntheticSqlOptions { Split = SyntheticSplit.Test }), columns);
}
else
{
    var dataset = DataSet.Load("philschmid/gretel-synthetic-text-to-sql", columns, split: "train");
    (train, test) = dataset.Shuffle(seed: 42).Select(12_500).TrainTestSplit(testSize: 2_500, seed: 42);
}

Console.WriteLine($"{train.Count} rows to train on, {test.Count} to test with. A prompt:");
Console.WriteLine(((MessagesRow)train.Rows[345]).Messages[0].Content);

// Fine-tune Gemma: the model, its linear layers in 4 bits, and the tokenizer with the official Gemma template.
if (isBuiltIn) Gemlet.Write(modelId);
using var backend = Backend.Auto(out string device); // a GPU, in bf16 or, below compute capability 8.0, in fp16; else the CPU, in fp32
var modelOptions = new ModelOptions { Quantization = QuantizationKind.Nf4, DoubleQuant = true };
var model = GemmaModel.Load(modelId, backend, modelOptions);
var encoder = GemmaTextEncoder.Load(modelId.Replace("-pt", "-it"));
Console.WriteLine($"Loaded {modelId} in 4 bits on {device}");

// LoRA
var peftConfig = new LoraConfig
{
    LoraAlpha = 16,
    LoraDropout = 0.05,
    R = 16,
    TargetModules = ModuleSelector.AllLinear,
    TaskType = "CAUSAL_LM",
    ModulesToSave = ["lm_head", "embed_tokens"],
    EnsureWeightTying = true, // Gemma's head is its embedding: one matrix is trained
};

// Hyperparameters
var config = new SftConfig
{
    OutputDir = "fine-tune-output/gemma-text-to-sql",
    OverwriteOutputDir = true, // so that this program can run again
    MaxLength = 512,
    Packing = true,
    NumTrainEpochs = 3,
    PerDeviceTrainBatchSize = 1,
    GradientAccumulationSteps = 4,
    GradientCheckpointing = GradientCheckpointing.Auto, // True for all layers, as in the guide; Auto for as few as memory requires
    LoggingSteps = 10,
    SaveStrategy = IntervalStrategy.Epoch,
    LearningRate = 2e-4,
    MaxGradNorm = 0.3,
    WarmupRatio = 0.03,
    LrSchedulerType = LrSchedulerType.Constant,
    ReportTo = ReportTo.Tensorboard,
    AddSpecialTokens = false,
    AppendConcatToken = true,
};

// So small a model takes more and larger steps, and learns the answers alone.
if (isBuiltIn)
{
    config = config with
    {
        NumTrainEpochs = 1,
        GradientAccumulationSteps = 1,
        LearningRate = 1e-3,
        LrSchedulerType = LrSchedulerType.Cosine,
        MaxGradNorm = 1,
        AssistantOnlyLoss = true,
    };
}

// The trainer. Before it trains, it says what it will train.
var trainer = SftTrainer.Create(model, encoder, train, config, peftConfig, eval: test, observer: new ConsoleLog());
Console.WriteLine(trainer.LabelReport);

// Train: a checkpoint each epoch, and the adapter at the end.
trainer.Train();

// Free the memory again.
trainer.Dispose();
model.Dispose();

// Merge the adapter into the values that it was trained on, and compare the result with them.
var check = Merger.Merge(modelId, config.OutputDir, MergedModel, new MergeOptions { FromNf4 = true, Overwrite = true }, backend);
Console.WriteLine($"Merged into {MergedModel}: {check}");

// Test model inference and generate SQL queries: a random row of the test set.
using var merged = GemmaModel.Load(MergedModel, backend);
using var client = new GemmaChatClient(merged, Tokenizer.Load(MergedModel), ChatTemplate.Load(MergedModel));
var sample = (MessagesRow)test.Rows[Random.Shared.Next(test.Count)];
string prompt = sample.Messages[0].Content!, original = sample.Messages[1].Content!;
var answer = await client.GetResponseAsync(prompt, new ChatOptions { MaxOutputTokens = 256, Temperature = 0 });

// Run the generated SQL on the tables of the prompt.
string context = Regex.Match(prompt, "<SCHEMA>\n(.*?)\n</SCHEMA>", RegexOptions.Singleline).Groups[1].Value.Trim();
string query = Regex.Match(prompt, "<USER_QUERY>\n(.*?)\n</USER_QUERY>", RegexOptions.Singleline).Groups[1].Value.Trim();
var score = new SqlScorer().Score(new TextToSqlRow(query, context, original), answer.Text);
Console.WriteLine($"Context:\n{context}\nQuery:\n{query}\nOriginal Answer:\n{original}\nGenerated Answer:\n{answer.Text}");
Console.WriteLine($"Verdict: {score.Verdict}\n{score.Found?.ToString() ?? score.Why}");

internal sealed class ConsoleLog : ITrainingObserver
{
    public void OnLog(LogEntry entry) => Console.WriteLine(entry.EvalLoss is { } loss
        ? $"epoch {entry.Epoch:F0}: evaluation loss {loss:F3}, {entry.EvalMeanTokenAccuracy:P0} of tokens right"
        : $"step {entry.Step,4}: loss {entry.Loss:F3}, {entry.TokensPerSecond:F0} tokens per second");
}
