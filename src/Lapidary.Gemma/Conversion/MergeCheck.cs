using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Sampling;

namespace Lapidary.Gemma;

/// <summary>How close two models' logits are over some text.</summary>
/// <param name="Tokens">Tokens compared.</param>
/// <param name="MaxDistance">Largest |difference| of a logit; NaN if a logit is NaN.</param>
/// <param name="MaxLogit">Largest |logit| of the reference.</param>
/// <param name="EqualArgmax">Share of tokens whose largest logit is the same.</param>
public sealed record MergeCheck(int Tokens, float MaxDistance, float MaxLogit, double EqualArgmax)
{
    // Why these: docs/adr/0021-merge-publishes-after-its-check.md. The others are 16 steps of the type at 1.
    private const double Float32Limit = 1e-3, Float16Limit = 16.0 / 2048, BFloat16Limit = 16.0 / 256, LeastEqualArgmax = 0.5;

    /// <summary>Largest minus smallest logit of the reference, the scale of the comparison.</summary>
    public float LogitRange { get; init; }

    /// <summary>Largest allowed distance of logits, as a share of <see cref="LogitRange"/>: the possible effect of rounding to the merged
    /// model's type.</summary>
    public double Limit { get; init; } = BFloat16Limit;

    /// <summary>Why the models are not the same; null if they are.</summary>
    public string? Fault
    {
        get
        {
            if (!float.IsFinite(MaxLogit)) return "the base with the adapter gives logits that are not finite; check their weights";
            if (!float.IsFinite(MaxDistance)) return "it gives logits that are not finite; choose a wider dtype";
            if (MaxDistance > Limit * LogitRange) return $"{this}, where {Limit:P1} of the logits' range is allowed";
            return EqualArgmax < LeastEqualArgmax ? $"{this}, where {LeastEqualArgmax:P0} is the least" : null;
        }
    }

    /// <summary>Loads the result of <see cref="Merger"/> and compares it with base + adapter.</summary>
    /// <param name="baseFolder">The base.</param>
    /// <param name="adapterFolder">The adapter.</param>
    /// <param name="mergedFolder">The merged model.</param>
    /// <param name="ids">Tokens to compare on.</param>
    /// <param name="options">Options of the merge. Both models are loaded with its type or, if it has none, each with the type of its
    /// checkpoint.</param>
    /// <param name="backend">Runs both, one after the other.</param>
    public static MergeCheck Run(
        string baseFolder, string adapterFolder, string mergedFolder, IReadOnlyList<int> ids, MergeOptions options, IBackend backend)
    {
        float[] expected, found;
        var merged = new ModelOptions { DType = options.DType, Progress = Comparing(options) };
        var quantization = options.FromNf4 ? QuantizationKind.Nf4 : QuantizationKind.None;
        var original = merged with { Quantization = quantization, DoubleQuant = options.DoubleQuant };
        int vocabulary;
        options.CancellationToken.ThrowIfCancellationRequested();
        using (var model = GemmaModel.Load(baseFolder, backend, original))
        using (var adapter = Adapter.Load(model, adapterFolder))
        {
            model.Attach(adapter);
            vocabulary = model.Config.VocabSize;
            expected = Logits(model, ids);
        }

        options.CancellationToken.ThrowIfCancellationRequested();
        using (var model = GemmaModel.Load(mergedFolder, backend, merged))
        {
            found = Logits(model, ids);
            return Compare(expected, found, vocabulary) with { Limit = LimitOf(model) };
        }
    }

    /// <summary>One line to print.</summary>
    public override string ToString() =>
        $"over {Tokens} tokens the largest logit distance is {MaxDistance:G3}, "
        + $"{(MaxDistance == 0 ? 0 : MaxDistance / LogitRange):P2} of the logits' range; "
        + $"the likeliest token is the same for {EqualArgmax:P1}";

    internal static MergeCheck Compare(ReadOnlySpan<float> expected, ReadOnlySpan<float> found, int vocabulary)
    {
        float distance = 0, low = float.PositiveInfinity, high = float.NegativeInfinity;
        int tokens = expected.Length / vocabulary, equal = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            distance = MathF.Max(distance, MathF.Abs(expected[i] - found[i]));
            (low, high) = (MathF.Min(low, expected[i]), MathF.Max(high, expected[i]));
        }

        for (int token = 0; token < tokens; token++)
        {
            int start = token * vocabulary;
            if (LogitScan.Largest(expected.Slice(start, vocabulary)) == LogitScan.Largest(found.Slice(start, vocabulary))) equal++;
        }

        return new MergeCheck(tokens, distance, MathF.Max(MathF.Abs(low), MathF.Abs(high)), (double)equal / tokens)
        {
            LogitRange = high - low,
        };
    }

    /// <summary>By the coarsest type that either model's values pass through.</summary>
    private static double LimitOf(GemmaModel model)
    {
        var types = model.LinearLayers.Select(layer => layer.Weight.DType)
            .Append(model.EmbedTokens.DType).Append(model.Backend.ActivationDType).ToHashSet();
        if (types.Contains(DType.BFloat16)) return BFloat16Limit;
        return types.Contains(DType.Float16) ? Float16Limit : Float32Limit;
    }

    /// <summary>Loading is what takes long of a comparison.</summary>
    private static RenamedWork? Comparing(MergeOptions options) => options.Progress is { } progress ? new("comparing", progress) : null;

    private static float[] Logits(GemmaModel model, IReadOnlyList<int> ids)
    {
        using var region = new MemoryRegion(model.Backend.Memory, MemoryOwner.Inputs);
        var inputs = StepInputs.Allocate(region, ids.Count);
        model.Backend.Write<int>([.. ids], inputs.Ids);
        model.Backend.Write<int>([.. Enumerable.Range(0, ids.Count)], inputs.Positions);
        using var program = new StepProgram(model.Backend);
        var tape = new Tape(program, training: false);
        var logits = model.Logits(tape, model.Forward(tape, inputs));
        program.Keep(logits);
        program.Complete(model.Backend.Memory);
        program.Run(model.Backend);
        var values = new float[logits.Count];
        model.Backend.Read<float>(logits, values);
        return values;
    }

    /// <summary>The progress of a part under the name of the whole.</summary>
    private sealed class RenamedWork(string name, IProgress<WorkProgress> progress) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => progress.Report(value with { Work = name });
    }
}
