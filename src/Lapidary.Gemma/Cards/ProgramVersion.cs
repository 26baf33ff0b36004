using System.Reflection;

namespace Lapidary.Gemma.Cards;

/// <summary>The version of Lapidary, from the assembly's informational version "1.2.0+commit".</summary>
internal static class ProgramVersion
{
    private static readonly string[] Parts = typeof(ProgramVersion).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+', 2);

    /// <summary>"1.2.0".</summary>
    public static string Number => Parts[0];

    /// <summary>"1.2.0 (commit 0123456789ab)".</summary>
    public static string Text => Commit is { } commit ? $"{Number} (commit {commit[..Math.Min(12, commit.Length)]})" : Number;

    /// <summary>The commit it was built from; null if the build did not know it.</summary>
    public static string? Commit => Parts.Length > 1 ? Parts[1] : null;
}
