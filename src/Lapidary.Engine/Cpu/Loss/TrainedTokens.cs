using Lapidary.Formats;

namespace Lapidary.Engine.Cpu.Loss;

/// <summary>The tokens that are trained: those with a label.</summary>
internal static unsafe class TrainedTokens
{
    /// <summary>Writes the tokens with a label, in order, and returns their number.</summary>
    /// <exception cref="LapidaryException">A label is outside the vocabulary.</exception>
    public static int Find(Tensor labels, int vocabulary, int* trained)
    {
        int* label = labels.Pointer<int>();
        int count = 0;
        for (int t = 0; t < labels.Count; t++)
        {
            if (label[t] == Label.None) continue;
            if ((uint)label[t] >= (uint)vocabulary)
            {
                throw new LapidaryException(
                    $"Label {label[t]} of token {t} must be −100 or in [0, {vocabulary}): check that tokenizer and model belong together.");
            }

            trained[count++] = t;
        }

        return count;
    }

    /// <summary>Copies the rows of <paramref name="count"/> tokens to a block, one after the other.</summary>
    public static void Gather(Tensor x, int* tokens, int count, float* block)
    {
        int dim = x.AsRows().Dim;
        for (int i = 0; i < count; i++) Row(x, tokens[i], dim).CopyTo(new Span<float>(block + (long)i * dim, dim));
    }

    /// <summary>Copies the rows of a block to those of <paramref name="count"/> tokens.</summary>
    public static void Scatter(float* block, int* tokens, int count, Tensor x)
    {
        int dim = x.AsRows().Dim;
        for (int i = 0; i < count; i++) new Span<float>(block + (long)i * dim, dim).CopyTo(Row(x, tokens[i], dim));
    }

    private static Span<float> Row(Tensor x, int token, int dim) => new(x.Pointer<float>() + (long)token * dim, dim);
}
