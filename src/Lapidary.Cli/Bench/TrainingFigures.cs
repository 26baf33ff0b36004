using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Formats;

namespace Lapidary.Cli.Bench;

/// <summary>The measured training steps of a case on one device.</summary>
/// <param name="Case">The case.</param>
/// <param name="Rank">lora_r.</param>
/// <param name="Meter">The measurements.</param>
/// <param name="Products">Seconds of the step's matrix products alone.</param>
internal sealed record TrainingFigures(BenchCase Case, int Rank, StepMeter Meter, double Products)
{
    /// <summary>Seconds of a step, the median.</summary>
    public double Seconds => Meter.Seconds.Median;

    /// <summary>Writes the figures as members of the result.</summary>
    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteNumber("batch", Case.Batch);
        json.WriteNumber("length", Case.Length);
        json.WriteNumber("accumulation", Case.Accumulation);
        json.WriteString("method", SettingText.Format(Case.Method));
        if (!Case.IsFull) json.WriteBoolean("train_embeddings", Case.TrainEmbeddings);
        json.WriteString("gradient_checkpointing", SettingText.Format(Case.GradientCheckpointing));
        if (!Case.IsFull)
        {
            json.WriteNumber("lora_r", Rank);
            json.WriteNumber("lora_dropout", Case.LoraDropout);
        }

        json.WriteNumber("tokens_per_step", Case.TokensPerStep);
        json.WriteNumber("steps", Case.Steps);
        json.WriteNumber("tokens_per_second", Case.TokensPerStep / Seconds);
        json.WriteSpread("step_seconds", Meter.Seconds);
        json.WriteNumber("products_seconds", Products);
        json.WriteNumber("share_of_floor", Products / Seconds);
        json.WriteFinite("loss_first", Meter.FirstLoss);
        json.WriteFinite("loss_last", Meter.LastLoss);
        json.WriteNumber("managed_bytes_per_step", Meter.ManagedBytes.Median);
        json.WriteNumber("peak_bytes", Meter.PeakBytes);
        json.WriteStartObject("memory");
        foreach (var owner in Meter.Live.Owners) json.WriteNumber(owner.ToString(), Meter.Live[owner]);
        json.WriteEndObject();
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Case.TokensPerStep / Seconds:N0} tokens/s, {Seconds * 1000:F1} ms a step, "
        + $"its products alone {Products * 1000:F1} ms ({Products / Seconds:P0}); "
        + $"peak {ByteSize.Format(Meter.PeakBytes)}; loss {Meter.FirstLoss:F3} to {Meter.LastLoss:F3}";
}
