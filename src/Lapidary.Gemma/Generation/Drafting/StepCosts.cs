namespace Lapidary.Gemma.Generation.Drafting;

/// <summary>How long decoding steps take by their number of rows, as measured.</summary>
/// <remarks>Only speed depends on it. What a further row costs differs by device, sizes and types: a tenth of a step, or nearly a whole
/// one.</remarks>
internal class StepCosts
{
    /// <summary>Steps of a number of rows that are not measured: the first is recorded, the second may be captured.</summary>
    private const int Unmeasured = 2;

    /// <summary>Cost of a further row, as part of the known row's, until it is measured. It is high, so that only good guesses make the
    /// engine try.</summary>
    private const double FurtherRow = 0.25;

    /// <summary>Part of a longer time that is believed: other work on the machine makes a step longer, never shorter.</summary>
    private const double Longer = 1.0 / 16;

    private readonly SortedDictionary<int, (int Steps, double Seconds)> _measured = [];

    /// <summary>The cost of a step; null while nothing is known.</summary>
    /// <param name="rows">Of the step, with those that fill it up.</param>
    public virtual double? Of(int rows)
    {
        double? cost = null;
        foreach (var (known, (steps, seconds)) in _measured)
        {
            if (known > rows) break;
            if (steps > Unmeasured) cost = seconds * (1 + (FurtherRow * (rows - known) / known));
        }

        return cost;
    }

    /// <summary>Notes the time of a step.</summary>
    /// <param name="rows">As above.</param>
    /// <param name="seconds">The time.</param>
    public void Add(int rows, double seconds)
    {
        var (steps, known) = _measured.GetValueOrDefault(rows);
        if (++steps == Unmeasured + 1 || seconds < known) known = seconds;
        else known += Longer * (seconds - known);
        _measured[rows] = (steps, known);
    }
}
