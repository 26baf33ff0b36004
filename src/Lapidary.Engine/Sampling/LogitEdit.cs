using System.Runtime.InteropServices;

namespace Lapidary.Engine;

/// <summary>A change of one logit; see <see cref="IOps.EditLogits"/>. Kernels read it as it lies in memory.</summary>
/// <param name="Row">Its row.</param>
/// <param name="Id">Its place in the row.</param>
/// <param name="Penalty">A positive logit is divided by it, a negative one multiplied; 0 for <see cref="Suppressed"/> instead.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct LogitEdit(int Row, int Id, float Penalty)
{
    /// <summary>Bytes of an edit.</summary>
    public const int LengthBytes = 12;

    /// <summary>The logit of a token that must not be chosen: finite, since other values show an error, and without weight.</summary>
    public const float Suppressed = -float.MaxValue;

    /// <summary>An entry before the edits that says how many follow.</summary>
    public static LogitEdit Header(int count) => new(count, 0, 0);

    /// <summary>The changed logit.</summary>
    public float Of(float logit) => Penalty == 0 ? Suppressed : logit < 0 ? logit * Penalty : logit / Penalty;
}
