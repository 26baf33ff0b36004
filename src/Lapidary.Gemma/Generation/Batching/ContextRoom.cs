using Lapidary.Formats;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>The room that a prompt leaves in a model's context: beyond max_position_embeddings, a model was never trained.</summary>
internal static class ContextRoom
{
    /// <summary>The most tokens that can follow a prompt; 0 or less if the prompt alone does not fit.</summary>
    public static int After(GemmaConfig config, int promptTokens) => config.MaxPositionEmbeddings - promptTokens;

    /// <summary>Refuses a prompt that leaves no room for a token.</summary>
    /// <param name="config">Of the model.</param>
    /// <param name="promptTokens">Tokens of the prompt.</param>
    /// <param name="what">"The prompt".</param>
    /// <returns>The room, at least 1.</returns>
    /// <exception cref="LapidaryException">There is none; the message has both numbers.</exception>
    public static int Require(GemmaConfig config, int promptTokens, string what = "The prompt") =>
        After(config, promptTokens) is > 0 and var room ? room : throw new LapidaryException(
            $"{what} has {promptTokens} tokens, expected fewer than the model's context of {config.MaxPositionEmbeddings}; shorten it.");
}
