using System.Globalization;

namespace Lapidary.Robustness.Tests;

/// <summary>How much is tried: little in the tests of every day, much where the environment says so (eng/long-checks).</summary>
internal static class Numbers
{
    /// <summary>Broken files per reader.</summary>
    public static int FuzzCases => Of("LAPIDARY_FUZZ_CASES", 200);

    /// <summary>Names of readers with commas between, or null for all of them.</summary>
    public static string? FuzzTarget => Environment.GetEnvironmentVariable("LAPIDARY_FUZZ_TARGET");

    /// <summary>Runs that are stopped at a random moment, of each kind.</summary>
    public static int Interruptions => Of("LAPIDARY_INTERRUPTIONS", 2);

    /// <summary>Texts that callers of one engine ask for.</summary>
    public static int Texts => Of("LAPIDARY_TEXTS", 500);

    /// <summary>Requests to one server.</summary>
    public static int Requests => Of("LAPIDARY_REQUESTS", 500);

    /// <summary>Another seed tries other files and moments.</summary>
    public static int Seed => Of("LAPIDARY_SEED", 1);

    private static int Of(string variable, int fallback) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int number) ? number : fallback;
}
