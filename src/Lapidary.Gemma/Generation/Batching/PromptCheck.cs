using Lapidary.Formats;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>What every prompt must fulfil.</summary>
internal static class PromptCheck
{
    /// <summary>Checks a prompt before anything is computed.</summary>
    /// <exception cref="LapidaryException">It is empty or too long, or an id is outside the vocabulary.</exception>
    public static void Require(IReadOnlyList<int> promptIds, GenerationOptions options, GemmaConfig config)
    {
        if (promptIds.Count == 0) throw new LapidaryException("The prompt is empty; give at least one token.");
        if (promptIds.Count > int.MaxValue - options.MaxNewTokens)
        {
            throw new LapidaryException(
                $"Prompt: expected at most {int.MaxValue} tokens together with MaxNewTokens, "
                + $"found {promptIds.Count} and {options.MaxNewTokens}.");
        }

        for (int i = 0; i < promptIds.Count; i++)
        {
            if ((uint)promptIds[i] >= (uint)config.VocabSize)
                throw new LapidaryException($"Prompt: expected ids from 0 to {config.VocabSize - 1}, found {promptIds[i]} at index {i}.");
        }
    }
}
