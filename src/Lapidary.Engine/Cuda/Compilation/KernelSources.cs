using System.Reflection;

namespace Lapidary.Engine.Cuda.Compilation;

/// <summary>The .cu and .cuh files under Cuda, which are embedded in the assembly without their folders: no two may have the same
/// name.</summary>
internal static class KernelSources
{
    private const string Prefix = "Cuda/";

    /// <summary>Names of the .cu files, sorted.</summary>
    public static IReadOnlyList<string> Files { get; } = [.. Names(".cu")];

    /// <summary>Files that kernels of bf16 have no use for: fp32 results of adapters, and attention in the shared memory of cards that
    /// compute in fp16 alone.</summary>
    private static readonly string[] OnlyForFloat16 = ["attention_lean.cu", "low_rank_up_wide.cu"];

    /// <summary>Names of the .cu files whose kernels a target needs.</summary>
    public static IEnumerable<string> FilesFor(KernelTarget target) =>
        target.ActivationDType == DType.Float16 ? Files : Files.Except(OnlyForFloat16);

    /// <summary>Headers with their text, sorted by name.</summary>
    public static IReadOnlyList<KernelSource> Headers { get; } = [.. Names(".cuh").Select(Read)];

    /// <summary>A file's text.</summary>
    public static KernelSource Read(string file)
    {
        using var stream = Assembly.GetManifestResourceStream(Prefix + file)
            ?? throw new InvalidOperationException($"There is no kernel file {file}.");
        using var reader = new StreamReader(stream);
        return new KernelSource(file, reader.ReadToEnd());
    }

    private static Assembly Assembly => typeof(KernelSources).Assembly;

    private static IEnumerable<string> Names(string extension) => Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(extension, StringComparison.Ordinal))
        .Select(name => name[Prefix.Length..])
        .Order(StringComparer.Ordinal);
}
