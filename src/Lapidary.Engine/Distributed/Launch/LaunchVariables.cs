using System.Globalization;
using Lapidary.Formats;

namespace Lapidary.Engine.Distributed.Launch;

/// <summary>Environment variables, with one-line errors. An empty variable counts as not set.</summary>
internal sealed class LaunchVariables(Func<string, string?> variable)
{
    /// <summary>A variable's text, or null.</summary>
    public string? Text(string name) => variable(name) is { } text && !string.IsNullOrWhiteSpace(text) ? text.Trim() : null;

    /// <summary>The text of the first of some variables that is set, or null.</summary>
    public string? FirstText(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
            if (Text(name) is { } text) return text;
        return null;
    }

    /// <summary>Whether a variable is set.</summary>
    public bool Has(string name) => Text(name) is not null;

    /// <summary>A variable that is a number from <paramref name="least"/> on, or null.</summary>
    public int? Number(string name, int least = 0) => Text(name) is not { } text ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= least ? value
        : throw Wrong($"{name} is '{text}': expected a whole number from {least} on");

    /// <summary>A pair of variables, an index and a count. Both or neither must be set.</summary>
    public (int Index, int Count)? Pair(string index, string count)
    {
        if (Has(index) != Has(count)) throw Half(set: Has(index) ? index : count, missing: Has(index) ? count : index);
        if (!Has(index)) return null;
        var pair = (Index: Number(index)!.Value, Count: Number(count, least: 1)!.Value);
        return pair.Index < pair.Count ? pair
            : throw Wrong($"{index} is {pair.Index} and {count} is {pair.Count}: expected {index} from 0 to {pair.Count - 1}");
    }

    /// <summary>A port, or null.</summary>
    public int? Port(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
            if (Number(name, least: 1) is { } port)
                return port <= 65535 ? port : throw Wrong($"{name} is {port}: expected a port up to 65535");
        return null;
    }

    /// <summary>The error for an incomplete pair.</summary>
    public static LapidaryException Half(string set, string missing) => Wrong($"{set} is set, but {missing} is not: set both");

    /// <summary>The error for variables that contradict each other.</summary>
    public static LapidaryException Wrong(string what) =>
        new($"{what}, or {LaunchPlace.Switch}=none to ignore what launchers set.");
}
