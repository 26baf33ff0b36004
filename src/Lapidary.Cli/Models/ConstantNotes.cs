using Lapidary.Cli.CommandLine;
using Lapidary.Engine;

namespace Lapidary.Cli.Models;

/// <summary>Notes about settings of other tools that are accepted, but ask for something else than what happens.</summary>
internal static class ConstantNotes
{
    /// <summary>One line for each; none for a value that is what happens anyway.</summary>
    /// <param name="given">The settings.</param>
    /// <param name="computesIn">The type that the device computes in.</param>
    public static IEnumerable<string> Of(IEnumerable<GivenConstant> given, DType computesIn)
    {
        string instead = computesIn switch
        {
            DType.BFloat16 => "a GPU computes in bfloat16, and sums in float32",
            DType.Float16 => "this run computes in float16, and sums in float32",
            _ => "the CPU computes in float32",
        };
        return from constant in given
               where constant.Name.IsPrecision ? !IsPrecision(constant, computesIn) : !IsSame(constant)
               select $"{constant} changes nothing: {(constant.Name.IsPrecision ? instead : constant.Name.Here)}.";
    }

    private static bool IsSame(GivenConstant given) =>
        given.Name.Same is not { } same || same.Contains(given.Value, StringComparer.OrdinalIgnoreCase);

    private static bool IsPrecision(GivenConstant given, DType computesIn)
    {
        bool isBFloat16 = computesIn == DType.BFloat16;
        bool isYes = given.Value.Equals("true", StringComparison.OrdinalIgnoreCase);
        return given.Name.Key switch
        {
            "bf16" => isYes == isBFloat16,
            "tf32" => !isYes,
            _ => given.Value.ToLowerInvariant() is "auto" || given.Value.Equals($"{computesIn}", StringComparison.OrdinalIgnoreCase),
        };
    }
}
