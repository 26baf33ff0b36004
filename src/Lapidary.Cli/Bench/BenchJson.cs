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
}
