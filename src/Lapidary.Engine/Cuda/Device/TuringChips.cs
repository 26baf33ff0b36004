using System.Text.RegularExpressions;

namespace Lapidary.Engine.Cuda.Device;

/// <summary>Turing's chips TU116 and TU117, which have no tensor cores. They execute the kernels' instructions all the same, on their
/// ordinary units.</summary>
internal static partial class TuringChips
{
    private static readonly ComputeCapability Turing = new(7, 5);

    /// <summary>Whether a device is one of them. Its name alone tells: the driver reports what it reports of a T4.</summary>
    public static bool LacksTensorCores(string name, ComputeCapability capability) => capability == Turing && Names().IsMatch(name);

    [GeneratedRegex(@"\bGTX 16\d\d\b|\bMX[45]\d\d\b|\b(?:T400|T400E|T500|T550|T600|T1000|T1000E|T1200|T2000)\b|\bCMP 30HX\b")]
    private static partial Regex Names();
}
