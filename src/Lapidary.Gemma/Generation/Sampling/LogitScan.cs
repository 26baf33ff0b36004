using System.Numerics;

namespace Lapidary.Gemma.Generation.Sampling;

/// <summary>Searches in a row of logits.</summary>
internal static class LogitScan
{
    /// <summary>Index of the first logit that is not finite; −1 for none.</summary>
    public static int FirstNotFinite(ReadOnlySpan<float> logits)
    {
        int i = 0;
        for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var some = new Vector<float>(logits[i..]);
            if (!Vector.LessThanAll(Vector.Abs(some), new Vector<float>(float.PositiveInfinity))) break;
        }

        for (; i < logits.Length; i++)
        {
            if (!float.IsFinite(logits[i])) return i;
        }

        return -1;
    }

    /// <summary>Index of the largest value, the first of equal values. NaN is passed over, but for the first.</summary>
    public static int Largest(ReadOnlySpan<float> logits)
    {
        float largest = logits[0];
        int i = 0;
        if (logits.Length >= Vector<float>.Count)
        {
            var most = new Vector<float>(largest);
            for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count)
            {
                var some = new Vector<float>(logits[i..]);
                most = Vector.ConditionalSelect(Vector.GreaterThan(some, most), some, most);
            }

            for (int lane = 0; lane < Vector<float>.Count; lane++) largest = most[lane] > largest ? most[lane] : largest;
        }

        for (; i < logits.Length; i++) largest = logits[i] > largest ? logits[i] : largest;
        return Math.Max(0, First(logits, largest));
    }

    /// <summary>Index of the first value above a limit, from a place on; −1 for none.</summary>
    public static int NextAbove(ReadOnlySpan<float> logits, int from, float limit)
    {
        int i = from;
        for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            if (Vector.GreaterThanAny(new Vector<float>(logits[i..]), new Vector<float>(limit))) break;
        }

        for (; i < logits.Length; i++)
        {
            if (logits[i] > limit) return i;
        }

        return -1;
    }

    private static int First(ReadOnlySpan<float> logits, float value)
    {
        int i = 0;
        for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            if (Vector.EqualsAny(new Vector<float>(logits[i..]), new Vector<float>(value))) break;
        }

        for (; i < logits.Length; i++)
        {
            if (logits[i] == value) return i;
        }

        return -1;
    }
}
