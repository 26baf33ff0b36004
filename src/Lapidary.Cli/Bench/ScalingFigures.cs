using System.Text.Json;
using Lapidary.Cli.Scaling;
using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Cli.Bench;

/// <summary>The measured training steps of a case on several ranks.</summary>
/// <param name="Case">The case; each rank has its full work.</param>
/// <param name="Meter">The measurements.</param>
/// <param name="Predicted">The prediction of the cost model, from the step of one rank and the speed of a large exchange.</param>
/// <param name="Probe">The large exchange.</param>
/// <param name="Exchanges">The exchanges of a step, each timed separately.</param>
internal sealed record ScalingFigures(
    BenchCase Case, StepMeter Meter, ScaledStep Predicted, CollectiveTime Probe, IReadOnlyList<CollectiveTime> Exchanges)
{
    private int Ranks => Predicted.Cost.Ranks;

    private double Seconds => Meter.Seconds.Median;

    private double Efficiency => Predicted.Alone.Seconds / Seconds;

    /// <summary>For people.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"{Ranks} ranks: {Ranks * Case.TokensPerStep / Seconds:N0} tokens/s, {Seconds * 1000:F1} ms a step, "
            + $"{Efficiency:P1} of one rank's speed each (predicted {Predicted.Seconds * 1000:F1} ms, {Predicted.Efficiency:P1}); "
            + $"peak {ByteSize.Format(Meter.PeakBytes)}";
        if (Predicted.HiddenSeconds > 0)
        {
            yield return $"predicted with {Predicted.HiddenSeconds * 1000:F2} ms of the gather beside the next step's layers, and "
                + $"{Predicted.FetchSeconds * 1000:F2} ms to fetch rows before them";
        }

        yield return $"link: {Probe.BusBytesPerSecond / 1e9:G3} GB/s (all-reduce of {ByteSize.Format(Probe.LengthBytes)})";
        foreach (var exchange in Exchanges)
        {
            yield return $"{exchange.Collective} of {ByteSize.Format(exchange.LengthBytes)}: {exchange.Seconds * 1000:F3} ms "
                + $"(predicted {PredictedSeconds(exchange) * 1000:F3})";
        }
    }

    /// <summary>Writes the figures as members of the result.</summary>
    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteStartObject("scaling");
        json.WriteNumber("ranks", Ranks);
        json.WriteNumber("tokens_per_second", Ranks * Case.TokensPerStep / Seconds);
        json.WriteSpread("step_seconds", Meter.Seconds);
        json.WriteNumber("efficiency", Efficiency);
        json.WriteNumber("predicted_step_seconds", Predicted.Seconds);
        json.WriteNumber("predicted_efficiency", Predicted.Efficiency);
        json.WriteBoolean("gathers_beside_layers", Predicted.HiddenSeconds > 0);
        json.WriteNumber("predicted_hidden_seconds", Predicted.HiddenSeconds);
        json.WriteNumber("predicted_fetch_seconds", Predicted.FetchSeconds);
        json.WriteNumber("managed_bytes_per_step", Meter.ManagedBytes.Median);
        json.WriteNumber("peak_bytes", Meter.PeakBytes);
        json.WriteNumber("bus_bytes_per_second", Probe.BusBytesPerSecond);
        json.WriteStartArray("exchanges");
        foreach (var exchange in Exchanges)
        {
            json.WriteStartObject();
            json.WriteString("collective", exchange.Collective.ToString());
            json.WriteNumber("bytes", exchange.LengthBytes);
            json.WriteNumber("seconds", exchange.Seconds);
            json.WriteNumber("predicted_seconds", PredictedSeconds(exchange));
            json.WriteNumber("bus_bytes_per_second", exchange.BusBytesPerSecond);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private double PredictedSeconds(CollectiveTime exchange) => exchange.Collective switch
    {
        Collective.AllReduce => Predicted.AllReduceSeconds,
        Collective.ReduceScatter => Predicted.ReduceScatterSeconds,
        _ => Predicted.AllGatherSeconds,
    };
}
