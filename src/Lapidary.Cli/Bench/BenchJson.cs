using System.Text.Json;

namespace Lapidary.Cli.Bench;

/// <summary>Writes measurements.</summary>
internal static class BenchJson
{
    /// <summary>The median under the name, with _min and _max beside it.</summary>
    public static void WriteSpread(this Utf8JsonWriter json, string name, Spread spread)
    {
        json.WriteNumber(name, spread.Median);
        json.WriteNumber(name + "_min", spread.Min);
        json.WriteNumber(name + "_max", spread.Max);
    }

    /// <summary>Writes what each text of a case that decodes has, and how its tokens are chosen.</summary>
    public static void WriteDecoding(this Utf8JsonWriter json, BenchCase bench)
    {
        json.WriteNumber("prompt_tokens", bench.Length);
        json.WriteNumber("new_tokens", bench.NewTokens);
        json.WriteNumber("generations", bench.Steps);
        json.WriteNumber("temperature", bench.Choice.DoSample ? bench.Choice.Temperature : 0);
        json.WriteNumber("top_k", bench.Choice.TopK);
        json.WriteNumber("top_p", bench.Choice.TopP);
    }
}
