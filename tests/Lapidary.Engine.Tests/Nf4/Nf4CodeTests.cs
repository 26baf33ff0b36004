using System.Globalization;
using System.Text.RegularExpressions;
using Lapidary.Engine.Cuda.Compilation;

namespace Lapidary.Engine.Tests;

public sealed partial class Nf4CodeTests
{
    private static readonly uint[] ValueBits =
    [
        0xBF800000, 0xBF3239B1, 0xBF066B30, 0xBECA32A0, 0xBE91A24D, 0xBE3D353F, 0xBDBA7871, 0x00000000,
        0x3DA2FAFF, 0x3E24CAE3, 0x3E7C04DD, 0x3EAD033A, 0x3EE1A4B8, 0x3F1007AB, 0x3F3913B3, 0x3F800000,
    ];

    // The constants in bitsandbytes' kernel.
    private static readonly uint[] ThresholdBits =
    [
        0xBF591CD8, 0xBF1C5270, 0xBEEB8480, 0xBEADEA76, 0xBE703CEC, 0xBE0D38BC, 0xBD3A7871, 0x3D22FAFF,
        0x3DF64862, 0x3E5067E0, 0x3E9582D4, 0x3EC753F9, 0x3F006D04, 0x3F248DAF, 0x3F5C89DA,
    ];

    [Fact]
    public void Values_AreThoseOfBitsandbytes() =>
        Assert.Equal(ValueBits, Nf4Code.Values.ToArray().Select(BitConverter.SingleToUInt32Bits));

    [Fact]
    public void Thresholds_AreThoseOfBitsandbytes() =>
        Assert.Equal(ThresholdBits, Nf4Code.Thresholds.ToArray().Select(BitConverter.SingleToUInt32Bits));

    [Fact]
    public void Values_AreThoseOfTheKernels()
    {
        string table = TableInC().Match(KernelSources.Read("nf4.cuh").Text).Groups[1].Value;
        float[] values = [.. table.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(value => float.Parse(value.TrimEnd('f'), CultureInfo.InvariantCulture))];
        Assert.Equal(Nf4Code.Values.ToArray(), values);
    }

    [GeneratedRegex(@"float NF4\[16\] = \{([^}]*)\}")]
    private static partial Regex TableInC();
}
