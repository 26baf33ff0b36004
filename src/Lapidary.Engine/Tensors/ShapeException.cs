using Lapidary.Formats;

namespace Lapidary.Engine;

/// <summary>An operation got a tensor of the wrong shape or type.</summary>
public sealed class ShapeException : LapidaryException
{
    /// <summary>"Op: argument must be expected, got tensor."</summary>
    public ShapeException(string op, string argument, string expected, Tensor got)
        : base($"{op}: {argument} must be {expected}, got {got}.")
    {
    }
}
