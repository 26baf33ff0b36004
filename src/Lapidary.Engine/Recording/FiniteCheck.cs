using System.Globalization;

namespace Lapidary.Engine.Recording;

/// <summary>Operations of a backend that look at what each of them writes, until a value is no finite number. Slow: every result is read
/// back.</summary>
internal sealed class FiniteCheck(IBackend backend) : IOps
{
    /// <summary>Values that are read at a time.</summary>
    private const long ChunkLength = 1 << 22;

    /// <summary>The weight whose operation ran last. Operations without a weight are named by its place in the model.</summary>
    private string _last = "";

    /// <summary>The first result that is not finite: "layers.7.mlp.down_proj: 3 of 4,096 values are not finite"; null if there is
    /// none.</summary>
    public string? Found { get; private set; }

    public void Zero(Tensor tensor) => backend.Zero(tensor);

    public void Add(Tensor source, Tensor target)
    {
        backend.Add(source, target);
        Look(target, Beside("sum of gradients"));
    }

    public void EmbeddingForward(Tensor ids, Tensor table, float scale, Tensor y)
    {
        backend.EmbeddingForward(ids, table, scale, y);
        Look(y, NameOf(table));
    }

    public void EmbeddingBackward(Tensor ids, Tensor dy, float scale, Tensor dTable)
    {
        backend.EmbeddingBackward(ids, dy, scale, dTable);
        Look(dTable, "the gradient of the embedding");
    }

    public void RmsNormForward(
        Tensor x, Tensor weight, Tensor? residual, float epsilon, Tensor y, Tensor rstd, Tensor? next = null)
    {
        backend.RmsNormForward(x, weight, residual, epsilon, y, rstd, next);
        Look(y, residual is null ? NameOf(weight) : $"{NameOf(weight)} and the residual");
    }

    public void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor? dx, bool add, Tensor? dWeight)
    {
        backend.RmsNormBackward(dy, x, weight, rstd, dx, add, dWeight);
        LookBack(NameOf(weight), dx, dWeight);
    }

    public void LinearForward(Tensor x, Tensor weight, Tensor y)
    {
        backend.LinearForward(x, weight, y);
        Look(y, NameOf(weight));
    }

    public void LinearBackward(Tensor dy, Tensor weight, Tensor dx, bool add)
    {
        backend.LinearBackward(dy, weight, dx, add);
        LookBack(NameOf(weight), dx);
    }

    public void ProjectForward(
        Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, IReadOnlyList<Tensor> ys, bool isPrompt = false)
    {
        backend.ProjectForward(x, projections, xas, ys, isPrompt);
        for (int i = 0; i < projections.Count; i++)
        {
            string name = NameOf(projections[i].Weight);
            Look(xas[i], $"{name}.lora_A");
            Look(ys[i], name);
        }
    }

    public void ProjectBackward(
        IReadOnlyList<Tensor> dys, Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, Tensor? dx, bool add)
    {
        backend.ProjectBackward(dys, x, projections, xas, dx, add);
        foreach (var projection in projections)
        {
            string name = NameOf(projection.Weight);
            Look(projection.Adapter?.B.Gradient, $"the gradient of {name}.lora_B");
            Look(projection.Adapter?.A.Gradient, $"the gradient of {name}.lora_A");
            LookBack(name, dx: null, projection.WeightGradient);
        }

        LookBack(string.Join(", ", projections.Select(projection => NameOf(projection.Weight))), dx);
    }

    public void RopeTable(Tensor positions, Tensor inverseFrequencies, Tensor cos, Tensor sin) =>
        backend.RopeTable(positions, inverseFrequencies, cos, sin);

    public void QkNormRopeForward(Tensor x, Tensor weight, Tensor cos, Tensor sin, float epsilon, Tensor y, Tensor rstd)
    {
        backend.QkNormRopeForward(x, weight, cos, sin, epsilon, y, rstd);
        Look(y, NameOf(weight));
    }

    public void QkNormRopeBackward(
        Tensor dy, Tensor x, Tensor weight, Tensor cos, Tensor sin, Tensor rstd, Tensor? dx, Tensor? dWeight)
    {
        backend.QkNormRopeBackward(dy, x, weight, cos, sin, rstd, dx, dWeight);
        LookBack(NameOf(weight), dx, dWeight);
    }

    public void AttentionForward(Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape, Tensor o, Tensor lse)
    {
        backend.AttentionForward(q, k, v, documentStarts, shape, o, lse);
        Look(o, Beside("attention"));
    }

    public void AttentionBackward(
        Tensor dO, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, Tensor documentStarts, AttentionShape shape,
        Tensor dq, Tensor dk, Tensor dv)
    {
        backend.AttentionBackward(dO, q, k, v, o, lse, documentStarts, shape, dq, dk, dv);
        foreach (var gradient in (ReadOnlySpan<Tensor>)[dq, dk, dv]) LookBack(Beside("attention"), gradient);
    }

    public void GeGluForward(Tensor gate, Tensor up, Tensor y)
    {
        backend.GeGluForward(gate, up, y);
        Look(y, Beside("gelu(gate) · up"));
    }

    public void GeGluBackward(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp)
    {
        backend.GeGluBackward(dy, gate, up, dGate, dUp);
        foreach (var gradient in (ReadOnlySpan<Tensor>)[dGate, dUp]) LookBack(Beside("gelu(gate) · up"), gradient);
    }

    public void LinearCrossEntropy(
        Tensor h, Tensor weight, Tensor labels, Tensor lossScale, Tensor losses, Tensor hits, Tensor? dh, Tensor? dWeight,
        int maxLabels, long maxLogitsBytes)
    {
        backend.LinearCrossEntropy(h, weight, labels, lossScale, losses, hits, dh, dWeight, maxLabels, maxLogitsBytes);
        Look(losses, $"the loss of {NameOf(weight)}");
        LookBack(NameOf(weight), dh, dWeight);
    }

    public void GradientNorm(IReadOnlyList<Tensor> gradients, float maxNorm, Tensor? scale, Tensor result) =>
        backend.GradientNorm(gradients, maxNorm, scale, result);

    public void AdamW(Tensor dWeight, Tensor norm, Tensor stepScalars, AdamWOptions options, Tensor weight, Tensor m, Tensor v) =>
        backend.AdamW(dWeight, norm, stepScalars, options, weight, m, v);

    public void ProjectRows(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys)
    {
        backend.ProjectRows(x, projections, ys);
        for (int i = 0; i < projections.Count; i++) Look(ys[i], NameOf(projections[i].Weight));
    }

    public void KvAppend(Tensor k, Tensor v, Tensor slots, Tensor positions, Tensor keys, Tensor values) =>
        backend.KvAppend(k, v, slots, positions, keys, values);

    public void CachedAttention(
        Tensor q, Tensor slots, Tensor positions, Tensor keys, Tensor values, AttentionShape shape, Tensor o)
    {
        backend.CachedAttention(q, slots, positions, keys, values, shape, o);
        Look(o, Beside("attention"));
    }

    public void ArgMax(Tensor x, Tensor indices) => backend.ArgMax(x, indices);

    public void EditLogits(Tensor x, Tensor edits) => backend.EditLogits(x, edits);

    public void Draw(Tensor x, Tensor draws, Tensor indices) => backend.Draw(x, draws, indices);

    private void LookBack(string name, Tensor? dx, Tensor? dWeight = null)
    {
        Look(dWeight, $"the gradient of {name}");
        Look(dx, $"the gradient of the input of {name}");
    }

    private void Look(Tensor? result, string name)
    {
        if (Found is not null || result is null) return;
        var (rows, dim) = result.AsRows();
        long atATime = Math.Max(1, ChunkLength / dim), bad = 0;
        var matrix = result.Reshape(rows, dim);
        for (long first = 0; first < rows; first += atATime) bad += Bad(matrix.Rows(first, Math.Min(atATime, rows - first)));
        if (bad == 0) return;
        Found = string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: {bad:N0} of {result.Count:N0} values {(bad == 1 ? "is" : "are")} not finite in {result.DType}");
    }

    private long Bad(Tensor some)
    {
        byte[] raw = new byte[some.LengthBytes];
        float[] values = new float[some.Count];
        backend.Read<byte>(some, raw);
        FloatConversion.ToSingle(raw, some.DType, values);
        return values.LongCount(value => !float.IsFinite(value));
    }

    /// <summary>"layers.7.mlp.down_proj" of "model.layers.7.mlp.down_proj.weight".</summary>
    private string NameOf(Tensor weight)
    {
        const string Before = "model.", After = ".weight";
        string name = weight.Name.StartsWith(Before, StringComparison.Ordinal) ? weight.Name[Before.Length..] : weight.Name;
        return _last = name.EndsWith(After, StringComparison.Ordinal) ? name[..^After.Length] : name;
    }

    /// <summary>A name in the module of the last weight.</summary>
    private string Beside(string what) => _last.LastIndexOf('.') is > 0 and var end ? $"{_last[..end]}.{what}" : what;
}
