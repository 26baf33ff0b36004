using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Pointwise;

/// <summary>The norm of all gradients, by sums over blocks of fixed size.</summary>
internal sealed unsafe class GradientNormKernels(CudaRuntime runtime)
{
    /// <summary>Elements that a block of gradient_norm.cu sums, and the gradients that one launch takes.</summary>
    private const int SquaresBlock = 16384, GradientsPerLaunch = 128;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly Kernel _squares = new("gradient_norm.cu", "gradient_squares");
    private readonly Kernel _norm = new("gradient_norm.cu", "gradient_norm");

    /// <inheritdoc cref="IOps.GradientNorm"/>
    public void Run(IReadOnlyList<Tensor> gradients, float maxNorm, Tensor? scale, Tensor result)
    {
        long total = 0;
        for (int i = 0; i < gradients.Count; i++) total += SquaresBlocks(gradients[i]);
        nint sums = runtime.Scratch.Get("gradient norm", Math.Max(1, total) * sizeof(double));

        long done = 0;
        for (int first = 0; first < gradients.Count; first += GradientsPerLaunch)
        {
            int count = Math.Min(GradientsPerLaunch, gradients.Count - first), blocks = 0;
            var args = new GradientSquaresArgs { GradientCount = count, Sums = sums + (nint)done * sizeof(double) };
            for (int i = 0; i < count; i++)
            {
                var gradient = gradients[first + i];
                args.Gradients[i] = gradient.Address;
                args.Counts[i] = gradient.Count;
                args.FirstBlock[i] = blocks;
                blocks = checked(blocks + (int)SquaresBlocks(gradient));
            }

            args.FirstBlock[count] = blocks;
            _launcher.Launch(_squares, blocks, 256, sharedBytes: 0, in args);
            done += blocks;
        }

        _launcher.Launch(_norm, 1, 1024, sharedBytes: 0, new GradientNormArgs
        {
            Sums = sums,
            Count = total,
            MaxNorm = maxNorm,
            Scale = scale?.Address ?? 0,
            Result = result.Address,
        });
    }

    private static long SquaresBlocks(Tensor gradient) => (gradient.Count + SquaresBlock - 1) / SquaresBlock;

    private struct GradientSquaresArgs
    {
        public fixed long Gradients[GradientsPerLaunch];
        public fixed long Counts[GradientsPerLaunch];
        public fixed int FirstBlock[GradientsPerLaunch + 1];
        public int GradientCount;
        public nint Sums;
    }

    private struct GradientNormArgs
    {
        public nint Sums;
        public long Count;
        public float MaxNorm;
        public nint Scale;
        public nint Result;
    }
}
