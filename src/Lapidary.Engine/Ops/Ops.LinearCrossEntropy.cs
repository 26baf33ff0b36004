namespace Lapidary.Engine;

public static partial class Ops
{
    /// <summary>Output head and loss in one; the end of a training step. Its gradient is formed on the way forward, while the logits of a
    /// chunk of tokens are at hand, so they are computed once and never stored for all tokens.</summary>
    /// <param name="tape">Receives the call.</param>
    /// <param name="h">[tokens, hidden]: the final norm's output, used by nothing else.</param>
    /// <param name="weight">[vocabulary, hidden].</param>
    /// <param name="labels">Int32 [tokens]: the id token t is to predict, or −100.</param>
    /// <param name="lossScale">fp32 [1]: 1 / trained tokens of the whole optimizer step.</param>
    /// <param name="losses">fp32 [tokens], nats.</param>
    /// <param name="hits">fp32 [tokens]: 1 where the label has the largest logit.</param>
    /// <param name="dWeight">Gradient of a trained head, or null.</param>
    /// <param name="maxLabels">Tokens with a label at most; null for all.</param>
    /// <param name="maxLogitsBytes">Logits that are held at a time.</param>
    /// <exception cref="ShapeException">The inner sizes differ or there are not as many labels as tokens.</exception>
    public static void LinearCrossEntropy(
        Tape tape, Tensor h, Tensor weight, Tensor labels, Tensor lossScale, Tensor losses, Tensor hits, Tensor? dWeight,
        int? maxLabels = null, long maxLogitsBytes = LogitsMemory.LeanBytes)
    {
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
