using Lapidary.Engine;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>A pass of a model over documents, on any device, with what it computes on the way.</summary>
internal sealed class ModelRun : IDisposable
{
    private readonly MemoryRegion _region;
    private readonly StepProgram _program;
    private readonly List<Tensor> _hidden = [];
    private readonly Tensor _logits;
    private readonly Tensor _losses;
    private readonly GemmaModel _model;
    private readonly int _trained;

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
        _trained = Fill(documents, inputs, labels);
        model.Backend.Write<float>([1f / _trained], lossScale);

        _program = new StepProgram(model.Backend);
        var tape = new Tape(_program, training);
        var h = model.Forward(tape, inputs, recomputedLayers: checkpointing ? model.Config.NumHiddenLayers : 0, onHiddenState: _hidden.Add);
        _hidden[^1] = h; // transformers' last hidden state is the final norm's output
        _logits = model.Logits(tape, h);
        Ops.LinearCrossEntropy(tape, h, model.Head, labels, lossScale, _losses, hits, training ? model.Trained?.Head?.Gradient : null);
        tape.Rewind();
        _program.Keep(_logits);
        foreach (var hidden in _hidden) _program.Keep(hidden);
        _program.Complete(model.Backend.Memory);
        Repeat();
    }

    /// <summary>Mean loss of the trained tokens.</summary>
    public double Loss => Losses.Sum(loss => (double)loss) / _trained;

    /// <summary>Loss of every token, 0 for the last of each document.</summary>
    public float[] Losses => Read(_model.Backend, _losses);

    public float[] Logits => Read(_model.Backend, _logits);

    public float[] Hidden(int layer) => Read(_model.Backend, _hidden[layer]);

    /// <summary>Every 8th row of the logits from row 7, which is what the goldens keep.</summary>
    public float[] SampledLogits()
    {
        float[] logits = Logits;
        int vocabulary = _model.Config.VocabSize;
        var sampled = new List<float>();
        for (int row = 7; row < logits.Length / vocabulary; row += 8) sampled.AddRange(logits.AsSpan(row * vocabulary, vocabulary));
        return [.. sampled];
    }

    /// <summary>Runs the same program again, from the second time on as the backend's captured whole.</summary>
    public void Repeat() => _program.Run(_model.Backend);

    public void Dispose()
    {
        _program.Dispose();
        _region.Dispose();
    }

    public static GemmaModel Load(string folder, ModelOptions? options = null, string device = TestDevice.Cpu) =>
        GemmaModel.Load(Fixtures.Path("tiny/" + folder), TestDevice.Open(device), options);

    public static int[][] Split(int[] ids, int rows) => [.. ids.Chunk(ids.Length / rows)];

    /// <summary>The values of an fp32 or bf16 tensor.</summary>
    public static float[] Read(IBackend backend, Tensor tensor)
    {
        byte[] bytes = new byte[tensor.LengthBytes];
        backend.Read<byte>(tensor, bytes);
        float[] values = new float[tensor.Count];
        FloatConversion.ToSingle(bytes, tensor.DType, values);
        return values;
    }

    private int Fill(int[][] documents, StepInputs inputs, Tensor labels)
    {
        var backend = _model.Backend;
        backend.Write<int>([.. documents.SelectMany(ids => ids)], inputs.Ids);
        backend.Write<int>([.. documents.SelectMany(ids => Enumerable.Range(0, ids.Length))], inputs.Positions);
        int at = 0;
        List<int> starts = [];
        foreach (int[] ids in documents)
        {
            starts.AddRange(Enumerable.Repeat(at, ids.Length));
            at += ids.Length;
        }

        backend.Write<int>([.. starts], inputs.DocumentStarts);
        backend.Write<int>([.. documents.SelectMany(ids => ids.Skip(1).Append(-100))], labels);
        return documents.Sum(ids => ids.Length - 1);
    }
}
