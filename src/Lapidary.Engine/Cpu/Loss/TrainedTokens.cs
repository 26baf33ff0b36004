using Lapidary.Formats;

namespace Lapidary.Engine.Cpu.Loss;

/// <summary>The tokens that are trained: those with a label.</summary>
internal static unsafe class TrainedTokens
{
    private const int NoLabel = -100;

    /// <summary>Writes the tokens with a label, in order, and returns their number.</summary>
    /// <exception cref="LapidaryException">A label is outside the vocabulary.</exception>
    public static int Find(Tensor labels, int vocabulary, int* trained)
    {
        int* label = labels.Pointer<int>();
        int count = 0;
        for (int t = 0; t < labels.Count; t++)
        {
            if (label[t] == NoLabel) continue;
            if ((uint)label[t] >= (uint)vocabulary)
                throw new LapidaryException(
                    $"Label {label[t]} of token {t} must be −100 or in [0, {vocabulary}): check that tokenizer and model belong together.");
            trained[count++] = t;
        }

        return count;
    }
}
