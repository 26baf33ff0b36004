using System.Globalization;
using System.Text.Json;

namespace Lapidary.Cli.Data;

/// <summary>Lengths of rows, summarized.</summary>
internal sealed class Lengths
{
    private const int Bars = 8, BarWidth = 30;

    private readonly List<int> _all = [];
    private bool _isSorted;

    public int Count => _all.Count;

    public int Longest => Sorted()[^1];

    public double Mean => _all.Average();

    /// <summary>Adds a length.</summary>
    public void Add(int length)
    {
        _all.Add(length);
        _isSorted = false;
    }

    /// <summary>The smallest length that so many of a hundred rows do not exceed.</summary>
    public int Percentile(int percent) => Sorted()[Math.Max(0, (int)(((long)_all.Count * percent + 99) / 100) - 1)];

    /// <summary>"shortest 12, median 300, 95 % up to 700, longest 900".</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"shortest {Sorted()[0]}, median {Percentile(50)}, 95 % up to {Percentile(95)}, longest {Longest}");

    /// <summary>A bar for each of a few ranges of equal width.</summary>
    public IEnumerable<string> Histogram()
    {
        int low = Sorted()[0], width = Math.Max(1, Round((Longest - low) / (double)Bars)), start = low / width * width;
        var counts = new int[((Longest - start) / width) + 1];
        foreach (int length in _all) counts[(length - start) / width]++;
        int most = counts.Max(), digits = $"{Longest + width}".Length;
        for (int i = 0; i < counts.Length; i++)
        {
            string bar = new('█', (int)Math.Ceiling((double)counts[i] / most * BarWidth));
            int from = start + (i * width);
            yield return string.Create(CultureInfo.InvariantCulture,
                $"{from.ToString(CultureInfo.InvariantCulture).PadLeft(digits)} to "
                + $"{(from + width - 1).ToString(CultureInfo.InvariantCulture).PadLeft(digits)}  {bar.PadRight(BarWidth)}  {counts[i]}");
        }
    }

    /// <summary>Writes the summary as an object.</summary>
    public void Write(Utf8JsonWriter json, string name)
    {
        json.WriteStartObject(name);
        json.WriteNumber("min", Sorted()[0]);
        json.WriteNumber("mean", Math.Round(Mean, 2));
        json.WriteNumber("p50", Percentile(50));
        json.WriteNumber("p95", Percentile(95));
        json.WriteNumber("max", Longest);
        json.WriteEndObject();
    }

    private List<int> Sorted()
    {
        if (!_isSorted) _all.Sort();
        _isSorted = true;
        return _all;
    }

    /// <summary>1, 2 or 5 times a power of ten: the next such number.</summary>
    private static int Round(double width)
    {
        int unit = 1;
        while (unit * 10 < width) unit *= 10;
        return unit * (width <= unit ? 1 : width <= 2 * unit ? 2 : width <= 5 * unit ? 5 : 10);
    }
}
