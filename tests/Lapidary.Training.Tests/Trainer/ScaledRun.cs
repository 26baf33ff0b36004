using System.Text.Json.Nodes;
using Lapidary.Gemma;
using Lapidary.Tests;

namespace Lapidary.Training.Tests;

/// <summary>What a run with a scaled loss ended with.</summary>
/// <param name="Adapter">The adapter's file.</param>
/// <param name="State">Of the trainer.</param>
/// <param name="Scale">Of the last checkpoint; zeros if it has none.</param>
/// <param name="Messages">To the user.</param>
internal sealed record ScaledRun(
    byte[] Adapter, TrainerState State, (int Exponent, int CleanSteps) Scale, IReadOnlyList<string> Messages)
{
    /// <summary>Trains a new adapter with dropout, or goes on from a checkpoint. A folder that holds a run is left to it.</summary>
    /// <param name="device">Where.</param> <param name="config">Options.</param>
    /// <param name="exponent">The first one of the scale; null for the device's own.</param>
    /// <param name="alpha">lora_alpha: the size of B's gradients.</param>
    /// <param name="resume">A checkpoint.</param> <param name="saved">A module that is saved whole.</param>
    public static ScaledRun Of(
        string device, SftConfig config, int? exponent, double alpha, string? resume = null, string? saved = null)
    {
        if (resume is null && File.Exists(Path.Combine(config.OutputDir, "run.yaml"))) config = Fresh(config);
        var messages = new Messenger();
        using var run = new TrainerRun(
            device, config, TrainerRun.RandomRows(8), adapter: null, observer: messages,
            lora: LoraConfig.Guide with
            {
                R = 4,
                LoraAlpha = alpha,
                LoraDropout = 0.1,
                ModulesToSave = saved is null ? null : [saved],
                EnsureWeightTying = saved is not null,
            });
        run.Trainer.Runner.FirstExponent = exponent;
        var state = run.Trainer.Train(resume, TestContext.Current.CancellationToken);
        var scale = StateOf(config.OutputDir)["loss_scale"];
        return new ScaledRun(
            File.ReadAllBytes(Path.Combine(config.OutputDir, "adapter_model.safetensors")), state,
            scale is null ? default : ((int)scale["exponent"]!, (int)scale["clean_steps"]!), messages.All);
    }

    /// <summary>The same options in another folder.</summary>
    public static SftConfig Fresh(SftConfig config) => config with { OutputDir = Fixtures.TemporaryFolder() };

    /// <summary>lapidary_state.json of a run's last checkpoint.</summary>
    public static JsonObject StateOf(string folder)
    {
        string last = Directory.GetDirectories(folder, "checkpoint-*").Order(StringComparer.Ordinal).Last();
        return JsonNode.Parse(File.ReadAllText(Path.Combine(last, "lapidary_state.json")))!.AsObject();
    }

    private sealed class Messenger : ITrainingObserver
    {
        public List<string> All { get; } = [];

        public void OnMessage(string message) => All.Add(message);
    }
}
