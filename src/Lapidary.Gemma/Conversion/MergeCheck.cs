using Lapidary.Engine;
using Lapidary.Gemma.Generation;

namespace Lapidary.Gemma;

/// <summary>How close two models' logits are over some text.</summary>
/// <param name="Tokens">Tokens compared.</param> <param name="MaxDistance">Largest |difference| of a logit.</param>
/// <param name="MaxLogit">Largest |logit| of the reference, to judge the distance by.</param>
/// <param name="EqualArgmax">Share of tokens whose largest logit is the same.</param>
public sealed record MergeCheck(int Tokens, float MaxDistance, float MaxLogit, double EqualArgmax)
{
    /// <summary>Loads what <see cref="Merger"/> wrote and compares it with base + adapter.</summary>
    /// <param name="baseFolder">The base.</param> <param name="adapterFolder">The adapter.</param> <param name="mergedFolder">The merged
    /// model.</param>
    /// <param name="ids">Tokens to compare on.</param>
    /// <param name="options">Those of the merge; both are loaded with its type, or each with its checkpoint's own where it has
    /// none.</param>
    /// <param name="backend">Runs both, one after the other.</param>
    public static MergeCheck Run(
        string baseFolder, string adapterFolder, string mergedFolder, IReadOnlyList<int> ids, MergeOptions options, IBackend backend)
    {
        float[] expected, found;
        var merged = new ModelOptions { DType = options.DType };
        var quantization = options.FromNf4 ? QuantizationKind.Nf4 : QuantizationKind.None;
        var original = merged with { Quantization = quantization, DoubleQuant = options.DoubleQuant };
        int vocabulary;
        using (var model = GemmaModel.Load(baseFolder, backend, original))
        using (var adapter = Adapter.Load(model, adapterFolder))
        {
            model.Attach(adapter);
            vocabulary = model.Config.VocabSize;
            expected = Logits(model, ids);
        }

        using (var model = GemmaModel.Load(mergedFolder, backend, merged)) found = Logits(model, ids);
        return Compare(expected, found, vocabulary);
    }

    /// <summary>One line for people.</summary>
    public override string ToString() =>
        $"over {Tokens} tokens the largest logit distance is {MaxDistance:G3} (largest logit {MaxLogit:G3}); "
        + $"the likeliest token is the same for {EqualArgmax:P1}";

    private static MergeCheck Compare(float[] expected, float[] found, int vocabulary)
    {
        float distance = 0, largest = 0;
        int tokens = expected.Length / vocabulary, equal = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            distance = MathF.Max(distance, MathF.Abs(expected[i] - found[i]));
            largest = MathF.Max(largest, MathF.Abs(expected[i]));
        }

        for (int token = 0; token < tokens; token++)
        {
            int start = token * vocabulary;
            if (Sampler.Largest(expected.AsSpan(start, vocabulary)) == Sampler.Largest(found.AsSpan(start, vocabulary))) equal++;
        }

        return new MergeCheck(tokens, distance, largest, (double)equal / tokens);
    }

    private static float[] Logits(GemmaModel model, IReadOnlyList<int> ids)
    {
        using var region = new MemoryRegion(model.Backend.Memory, MemoryOwner.Inputs);
        var inputs = StepInputs.Allocate(region, ids.Count);
        model.Backend.Write<int>([.. ids], inputs.Ids);
        model.Backend.Write<int>([.. Enumerable.Range(0, ids.Count)], inputs.Positions);
        using var program = new StepProgram(model.Backend.ActivationDType);
        var tape = new Tape(program, training: false);
        var logits = model.Logits(tape, model.Forward(tape, inputs));
        program.Keep(logits);
        program.Complete(model.Backend.Memory);
        program.Run(model.Backend);
        var values = new float[logits.Count];
        model.Backend.Read<float>(logits, values);
        return values;
    }
}
