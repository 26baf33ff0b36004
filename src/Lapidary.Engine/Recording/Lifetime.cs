namespace Lapidary.Engine.Recording;

/// <summary>The calls between which a buffer of a program holds a value, both included.</summary>
internal sealed class Lifetime(Tensor tensor)
{
    public Tensor Tensor { get; } = tensor;

    public int First { get; private set; } = int.MaxValue;

    public int Last { get; private set; } = -1;

    public bool IsUsed => Last >= 0;

    public void Touch(int step)
    {
        First = Math.Min(First, step);
        Last = Math.Max(Last, step);
    }

    public bool Overlaps(Lifetime other) => First <= other.Last && other.First <= Last;
}
