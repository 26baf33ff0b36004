using Lapidary.Formats.Files;

namespace Lapidary.Formats.Tests;

public sealed class PythonFloatTests
{
    // Each right-hand side is what CPython 3 prints for repr of the left-hand side.
    [Theory]
    [InlineData(0.0, "0.0")]
    [InlineData(-0.0, "-0.0")]
    [InlineData(1.0, "1.0")]
    [InlineData(-2.5, "-2.5")]
    [InlineData(0.04, "0.04")]
    [InlineData(0.03999999910593033, "0.03999999910593033")]
    [InlineData(0.0001, "0.0001")]
    [InlineData(0.00012345, "0.00012345")]
    [InlineData(0.00001, "1e-05")]
    [InlineData(0.000012345, "1.2345e-05")]
    [InlineData(-1e-7, "-1e-07")]
    [InlineData(1.1754943508222875e-38, "1.1754943508222875e-38")]
    [InlineData(5e-324, "5e-324")]
    [InlineData(100.0, "100.0")]
    [InlineData(123456.75, "123456.75")]
    [InlineData(1e15, "1000000000000000.0")]
    [InlineData(1234567890123456.0, "1234567890123456.0")]
    [InlineData(1e16, "1e+16")]
    [InlineData(12345678901234567890.0, "1.2345678901234567e+19")]
    [InlineData(3.4028234663852886e38, "3.4028234663852886e+38")]
    [InlineData(1.7976931348623157e308, "1.7976931348623157e+308")]
    public void Repr_PrintsAsPython(double value, string expected) => Assert.Equal(expected, PythonFloat.Repr(value));

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.NegativeInfinity)]
    public void Repr_RefusesWhatJsonCannotHold(double value) => Assert.Throws<ArgumentOutOfRangeException>(() => PythonFloat.Repr(value));
}
