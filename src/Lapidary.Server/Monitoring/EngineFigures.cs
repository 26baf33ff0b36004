using Lapidary.Gemma;

namespace Lapidary.Server.Monitoring;

/// <summary>What an engine does at about this moment, and has done.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Running">Answers that are generated.</param>
/// <param name="Waiting">Answers that wait for their turn.</param>
/// <param name="Guessed">Guessed tokens that were checked.</param>
/// <param name="Accepted">Those of them that were right.</param>
internal sealed record EngineFigures(string Model, int Running, int Waiting, long Guessed, long Accepted)
{
    /// <summary>Reads them.</summary>
    public static EngineFigures Of(string model, GenerationEngine engine)
    {
        var (running, waiting) = engine.Load;
        var (guessed, accepted) = engine.Guesses;
        return new(model, running, waiting, guessed, accepted);
    }
}
