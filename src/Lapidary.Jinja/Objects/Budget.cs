namespace Lapidary.Jinja.Objects;

/// <summary>What one rendering may cost. A template comes with a model, from anyone: it must neither run forever nor fill the
/// memory.</summary>
internal sealed class Budget
{
    /// <summary>Evaluated nodes, visited items and blocks of copied text together.</summary>
    public const long MaxSteps = 2_000_000;

    /// <summary>Longest output and longest string, in UTF-16 code units.</summary>
    public const int MaxLength = 16 << 20;

    // Copied characters per step: two million steps then copy at most 64 MB.
    private const int CharactersPerStep = 16;

    private long _steps;

    public void Charge(long steps)
    {
        if ((_steps += steps) > MaxSteps) throw new JinjaException($"took more than {MaxSteps} steps; the template may not end");
    }

    /// <summary>Accounts for a new string of this length.</summary>
    public void ChargeText(long length)
    {
        CheckLength(length);
        Charge(length / CharactersPerStep);
    }

    public static void CheckLength(long length)
    {
        if (length > MaxLength) throw new JinjaException($"made more than {MaxLength} characters");
    }
}
