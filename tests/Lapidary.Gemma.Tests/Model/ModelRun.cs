using Lapidary.Engine;
using Lapidary.Engine.Cpu;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>One pass of a model over documents, with what it computes on the way.</summary>
internal sealed class ModelRun : IDisposable
{
    private readonly MemoryRegion _region;
    private readonly StepProgram _program;
    private readonly List<Tensor> _hidden = [];
    private readonly Tensor _logits;
    private readonly Tensor _losses;
    private readonly GemmaModel _model;

    /// <param name="model">The model.</param> <param name="documents">Ids of each document; they do not see each other.</param>
    /// <param name="training">Whether gradients are formed, of the mean loss over all tokens but each document's first.</param>
    /// <param name="checkpointing">Whether layers are computed again on the way back.</param>
    public ModelRun(GemmaModel model, int[][] documents, bool training = false, bool checkpointing = false)
    {
        _model = model;
        int tokens = documents.Sum(ids => ids.Length);
        _region = new MemoryRegion(model.Backend.Memory, MemoryOwner.Inputs);
        var inputs = StepInputs.Allocate(_region, tokens);
        var labels = _region.New("labels", DType.Int32, tokens);
        var lossScale = _region.New("loss_scale", DType.Float32, 1);
        _losses = _region.New("losses", DType.Float32, tokens);
        var hits = _region.New("hits", DType.Float32, tokens);
        int trained = Fill(documents, inputs, labels);
        model.Backend.Write<float>([1f / trained], lossScale);

        _program = new StepProgram(DType.Float32);
        var tape = new Tape(_program, training);
        var h = model.Forward(tape, inputs, recomputedLayers: checkpointing ? model.Config.NumHiddenLayers : 0, onHiddenState: _hidden.Add);
        _hidden[^1] = h; // transformers' last hidden state is the final norm's output
        _logits = model.Logits(tape, h);
        Ops.LinearCrossEntropy(tape, h, model.Head, labels, lossScale, _losses, hits, training ? model.Adapter?.Head?.Gradient : null);
        tape.Rewind();
        _program.Keep(_logits);
        foreach (var hidden in _hidden) _program.Keep(hidden);
        _program.Complete(model.Backend.Memory);
        _program.Run(model.Backend);
        Loss = _losses.AsSpan<float>().ToArray().Sum(loss => (double)loss) / trained;
    }

    public double Loss { get; }

    public ReadOnlySpan<float> Logits => _logits.AsSpan<float>();

    public ReadOnlySpan<float> Hidden(int layer) => _hidden[layer].AsSpan<float>();

    /// <summary>Every 8th row of the logits from row 7, which is what the goldens keep.</summary>
    public float[] SampledLogits()
    {
        int vocabulary = _model.Config.VocabSize;
        var sampled = new List<float>();
        for (int row = 7; row < Logits.Length / vocabulary; row += 8) sampled.AddRange(Logits.Slice(row * vocabulary, vocabulary));
        return [.. sampled];
    }

    public void Dispose()
    {
        _program.Dispose();
        _region.Dispose();
    }

    public static GemmaModel Load(string folder, ModelOptions? options = null, int threads = 1) =>
        GemmaModel.Load(Fixtures.Path("tiny/" + folder), new CpuBackend(threads), options);

    public static int[][] Split(int[] ids, int rows) => [.. ids.Chunk(ids.Length / rows)];

    private static int Fill(int[][] documents, StepInputs inputs, Tensor labels)
    {
        int at = 0, trained = 0;
        foreach (int[] ids in documents)
        {
            for (int i = 0; i < ids.Length; i++)
            {
                inputs.Ids.AsSpan<int>()[at + i] = ids[i];
                inputs.Positions.AsSpan<int>()[at + i] = i;
                inputs.DocumentStarts.AsSpan<int>()[at + i] = at;
                labels.AsSpan<int>()[at + i] = i + 1 < ids.Length ? ids[i + 1] : -100;
            }

            trained += ids.Length - 1;
            at += ids.Length;
        }

        return trained;
    }
}
