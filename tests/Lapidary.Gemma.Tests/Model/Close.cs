namespace Lapidary.Gemma.Tests;

/// <summary>Comparisons of whole tensors with a stated error.</summary>
internal static class Close
{
    /// <summary>Fails where ‖actual − expected‖ exceeds <paramref name="relative"/> · ‖expected‖; norms are Euclidean.</summary>
    public static void Assert(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double relative, string what)
    {
        Xunit.Assert.Equal(expected.Length, actual.Length);
        double error = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double difference = (double)actual[i] - expected[i];
            error += difference * difference;
            norm += (double)expected[i] * expected[i];
        }

        double found = Math.Sqrt(error / Math.Max(norm, 1e-30));
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: relative error {found:E2}");
        Xunit.Assert.True(found <= relative, $"{what}: relative error {found:E2}, allowed {relative:E2}");
    }
}
