using Lapidary.Formats;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>Which models' texts can run in the same steps: those over the same weights in memory that are the base, or the base with LoRA
/// matrices that nobody trains. What else an adapter has, such as an embedding or a head of its own, stands in place of a weight of the
/// base, so rows with it share no product with others; and the keys of a model that is trained may not be used again.</summary>
internal static class SharedSteps
{
    /// <summary>What keeps a model out of the steps of another; null if nothing does.</summary>
    public static string? Obstacle(GemmaModel first, GemmaModel model) => first.SharesWeightsWith(model)
        ? Obstacle(first) ?? Obstacle(model)
        : "the two hold different weights in memory (GemmaModel.ShareWeights makes a model over the same ones)";

    /// <summary>Refuses a model that cannot share the steps of another.</summary>
    /// <exception cref="LapidaryException">It cannot; the message says why.</exception>
    public static void Require(GemmaModel first, GemmaModel model)
    {
        if (Obstacle(first, model) is not { } obstacle) return;
        throw new LapidaryException(
            $"Expected two models whose texts can run in the same steps, but {obstacle}; give the model an engine of its own.");
    }

    private static string? Obstacle(GemmaModel model) => model.Trained switch
    {
        null => null,
        { IsTrainable: true } => "one is trained (Adapter.Load reads a saved adapter to use it alone)",
        Adapter { Embedding: null, Head: null } => null,
        Adapter => "an adapter has an embedding or a head of its own",
        _ => "one has trained weights in place of the base's",
    };
}
