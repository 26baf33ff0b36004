using Lapidary.Formats;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>What every prompt must fulfil.</summary>
internal static class PromptCheck
{
    /// <summary>Checks a prompt before anything is computed, and ends its text at the model's context.</summary>
    /// <returns>The options with at most as many new tokens as the context has room for.</returns>
    /// <exception cref="LapidaryException">It is empty or too long, or an id is outside the vocabulary.</exception>
    public static GenerationOptions Limit(IReadOnlyList<int> promptIds, GenerationOptions options, GemmaConfig config)
    {
        if (promptIds.Count == 0) throw new LapidaryException("The prompt is empty; give at least one token.");
        for (int i = 0; i < promptIds.Count; i++)
        {
            if ((uint)promptIds[i] >= (uint)config.VocabSize)
                throw new LapidaryException($"Prompt: expected ids from 0 to {config.VocabSize - 1}, found {promptIds[i]} at index {i}.");
        }

        int room = ContextRoom.Require(config, promptIds.Count);
        return options.MaxNewTokens <= room ? options : options with { MaxNewTokens = room };
    }
}
