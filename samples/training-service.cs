#:project ../src/Lapidary.TextToSql/Lapidary.TextToSql.csproj
#:package Microsoft.Extensions.Hosting
#:property PublishAot=false

// A worker service that trains on the built-in model, and ends with its run:
//   dotnet run -c Release samples/training-service.cs
// Ctrl-C or SIGTERM finishes the step at hand and saves a checkpoint; started again, the service goes on from it.

using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.TextToSql;
using Lapidary.Training;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

var builder = Host.CreateApplicationBuilder(args);
builder.Services.AddHostedService<TrainingService>();

// The host waits for the service's last step and its checkpoint.
builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMinutes(5));
await builder.Build().RunAsync();

internal sealed class TrainingService(
    IConfiguration configuration, IHostApplicationLifetime lifetime, ILogger<TrainingService> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        string root = configuration["Folder"] ?? "fine-tune-output", modelFolder = Path.Combine(root, "service-model");
        string outputFolder = Path.Combine(root, "service-run");
        if (!File.Exists(Path.Combine(modelFolder, "config.json"))) TinyGemma.Write(modelFolder);

        // Rows of a database would come here as its entities.
        var rows = Enumerable.Range(1, 64).Select(i => new { Prompt = $"How many are {i} and {i}? ", Completion = $"{2 * i}" });
        var config = new SftConfig
        {
            OutputDir = outputFolder,
            MaxSteps = configuration.GetValue("Steps", 50),
            SaveStrategy = IntervalStrategy.Steps,
            SaveSteps = 10,
            MaxLength = 64,
        };

        using var backend = Backend.Auto(out string device);
        logger.LogInformation("Training on {Device}", device);
        using var model = GemmaModel.Load(modelFolder, backend, new ModelOptions { Quantization = QuantizationKind.Nf4 });
        using var trainer = SftTrainer.Create(
            model, GemmaTextEncoder.Load(modelFolder), DataSet.From(rows), config, LoraConfig.Guide, observer: new LoggingObserver(logger));
        string? checkpoint = Directory.Exists(outputFolder) && Directory.EnumerateDirectories(outputFolder, "checkpoint-*").Any()
            ? SftTrainer.LatestCheckpoint
            : null;
        var state = await trainer.TrainAsync(checkpoint, cancellationToken: stoppingToken);
        logger.LogInformation("Trained {Steps} steps on {Tokens} tokens", state.GlobalStep, state.NumTokens);
        lifetime.StopApplication();
    }
}
