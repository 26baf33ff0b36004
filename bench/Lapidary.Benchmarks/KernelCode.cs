using System.Globalization;
using Lapidary.Engine;
using Lapidary.Engine.Cuda.Compilation;
using Lapidary.Engine.Tests.Cuda;

namespace Lapidary.Benchmarks;

/// <summary>What compiled kernels consist of, on cards of compute capability 7.5 beside 8.0: instructions, those of tensor cores among
/// them, registers and shared memory. Read from the machine code, so that it needs no GPU.</summary>
internal static class KernelCode
{
    /// <summary>HMMA, a warp's product of two 16-bit tiles, of Turing and later.</summary>
    private const ushort TensorCoreProduct = 0x23C;

    /// <summary>A T4 and an A100.</summary>
    private static readonly (KernelTarget Target, CudaDevice Card)[] Targets =
    [
        (new("sm_75", DType.Float16), CudaDevice.Like("T4", new ComputeCapability(7, 5), 40, 16L << 30)),
        (new("sm_80", DType.Float16), CudaDevice.Like("A100", new ComputeCapability(8, 0), 108, 80L << 30)),
        (new("sm_80"), CudaDevice.Like("A100", new ComputeCapability(8, 0), 108, 80L << 30)),
    ];

    /// <summary>Where the time of training and decoding 1B goes; kernels for other shapes differ in sizes alone.</summary>
    private static readonly string[] Main =
    [
        "attention_forward_256_small", "attention_forward_256_lean", "attention_backward_queries_256_small",
        "attention_backward_queries_256_lean", "attention_backward_keys_256_small", "attention_backward_keys_256_lean",
        "cached_attention_256",
        "nf4_decode", "augmented_weight_nf4", "low_rank_down_3", "low_rank_up", "low_rank_gradient",
        "project_rows_nf4_nested", "project_rows_nf4_nested_gated", "project_rows_nf4_nested_split32",
        "project_rows_nf4_nested_many32_gated", "lora_rows_down_4", "lora_rows_up_4",
        "rms_norm_forward_8", "rms_norm_pair_8", "rms_norm_backward_8", "qk_norm_rope_forward_4", "qkv_to_cache_4",
        "geglu_forward", "geglu_backward", "softmax_rows", "argmax_4", "gradient_squares", "adamw",
    ];

    /// <summary>Prints a Markdown table.</summary>
    /// <param name="isEvery">All kernels, instead of those where time goes.</param>
    public static int Run(bool isEvery)
    {
        if (CudaLibraries.Find(CudaLibrary.Nvrtc) is not { } nvrtc)
        {
            Console.WriteLine($"No kernels were compiled: {CudaLibraries.HowToInstall(CudaLibrary.Nvrtc)}");
            return 0;
        }

        Console.Error.WriteLine($"NVRTC {nvrtc.Version}");
        var columns = Targets.Select(Cells).ToArray();
        var names = isEvery ? columns.SelectMany(column => column.Keys).Distinct().Order(StringComparer.Ordinal) : Main.AsEnumerable();
        Console.WriteLine("| kernel |" + string.Concat(Targets.Select(each => $" {each.Target.Architecture} "
            + $"{(each.Target.ActivationDType == DType.Float16 ? "fp16" : "bf16")} |")));
        Console.WriteLine("| --- |" + string.Concat(Targets.Select(_ => " --- |")));
        foreach (string name in names)
            Console.WriteLine($"| {name} |" + string.Concat(columns.Select(column => $" {column.GetValueOrDefault(name, "–")} |")));
        return 0;
    }

    /// <summary>The kernels of a target, as "2,767, 96 HMMA; 178; 1 + 51.2": instructions and the products among them; registers of a
    /// thread; KiB of shared memory that a block has, and what launches of attention and projections ask for besides; local memory, where
    /// there is some.</summary>
    private static Dictionary<string, string> Cells((KernelTarget Target, CudaDevice Card) on)
    {
        var dynamic = KernelLaunches.On(on.Card, on.Target.ActivationDType);
        Dictionary<string, string> cells = [];
        foreach (string file in KernelSources.FilesFor(on.Target))
        {
            var image = new Cubin(KernelCompiler.Compile(KernelSources.Read(file), KernelSources.Headers, on.Target));
            var local = image.LocalBytes();
            foreach (string kernel in image.Kernels)
            {
                ushort[] code = image.Instructions(kernel);
                int products = code.Count(opcode => opcode == TensorCoreProduct);
                string tensorCores = products > 0 ? $", {products} HMMA" : "";
                string spilled = local[kernel] > 0 ? $"; {local[kernel]} bytes of local memory" : "";
                string asked = dynamic.GetValueOrDefault(kernel) is > 0 and var bytes ? $" + {Kibibytes(bytes)}" : "";
                string length = code.Length.ToString("N0", CultureInfo.InvariantCulture);
                cells[kernel] = $"{length}{tensorCores}; {image.Registers(kernel)}; {Kibibytes(image.SharedBytes(kernel))}{asked}{spilled}";
            }
        }

        return cells;

        static string Kibibytes(long bytes) => (bytes / 1024.0).ToString("0.#", CultureInfo.InvariantCulture);
    }
}
