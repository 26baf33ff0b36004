namespace Lapidary.Engine;

public static partial class Ops
{
    /// <summary>Output head and loss in one; the end of a training step. The gradient is computed in the forward pass, while a chunk of
    /// logits is in memory. So logits are computed once and never stored for all tokens.</summary>
    /// <param name="tape">Receives the call.</param>
    /// <param name="h">[tokens, hidden]: the final norm's output. No other operation may use it.</param>
    /// <param name="weight">[vocabulary, hidden].</param>
    /// <param name="labels">Int32 [tokens]: the id that token t should predict, or −100.</param>
    /// <param name="lossScale">fp32 [1]: 1 / trained tokens of the whole optimizer step.</param>
    /// <param name="losses">fp32 [tokens], nats.</param>
    /// <param name="hits">fp32 [tokens]: 1 where the label has the largest logit.</param>
    /// <param name="dWeight">Gradient of a trained head, or null.</param>
    /// <param name="maxLabels">Upper bound on labelled tokens; null for all tokens.</param>
    /// <param name="maxLogitsBytes">Upper bound on the logits in memory, in bytes.</param>
    /// <exception cref="ShapeException">The inner sizes differ, or the number of labels is not the number of tokens.</exception>
    public static void LinearCrossEntropy(
        Tape tape, Tensor h, Tensor weight, Tensor labels, Tensor lossScale, Tensor losses, Tensor hits, Tensor? dWeight,
        int? maxLabels = null, long maxLogitsBytes = LogitsMemory.LeanBytes)
    {
        CheckType(tape.ActivationDType, nameof(LinearCrossEntropy), nameof(h), h);
        var (tokens, dim) = h.AsRows();
        bool isHead = weight.Shape.Length == 2 && weight.Shape[1] == dim;
        Check(isHead, nameof(LinearCrossEntropy), nameof(weight), $"[vocabulary, {dim}]", weight);
        Check(labels.Count == tokens, nameof(LinearCrossEntropy), nameof(labels), $"[{tokens}]", labels);
        int max = maxLabels ?? checked((int)tokens);
        ArgumentOutOfRangeException.ThrowIfLessThan(max, 1, nameof(maxLabels));
        var dh = tape.NeedsGradient(h) ? tape.OnlyGradient(h) : null;
        tape.Run(ops => ops.LinearCrossEntropy(h, weight, labels, lossScale, losses, hits, dh, dWeight, max, maxLogitsBytes));
    }
}
