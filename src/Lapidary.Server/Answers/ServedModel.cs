using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Server.Answers;
using Lapidary.Server.Http;

namespace Lapidary.Server;

/// <summary>A model that callers choose by its id.</summary>
public sealed class ServedModel
{
    private readonly AnswerPlaces _places;

    /// <summary>Creates a model of a server.</summary>
    /// <param name="id">Its name in requests.</param>
    /// <param name="engine">Generates its answers.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="template">Its chat template.</param>
    /// <param name="maxLength">Most tokens of a prompt and its answer; 0 for the model's context.</param>
    /// <exception cref="LapidaryException">maxLength is beyond the context, or generation_config.json of the model's folder is
    /// damaged.</exception>
    public ServedModel(string id, GenerationEngine engine, Tokenizer tokenizer, ChatTemplate template, int maxLength = 0)
    {
        (Id, Engine, Tokenizer, Template) = (id, engine, tokenizer, template);
        _places = AnswerPlaces.Of(engine);
        int context = engine.Model.Config.MaxPositionEmbeddings;
        if (maxLength > context)
        {
            throw new LapidaryException(
                $"max_length: expected at most the model's context of {context} tokens, found {maxLength}; give a smaller one, or 0 for "
                + "the context.");
        }

        MaxLength = maxLength == 0 ? context : maxLength;
        var makers = GenerationConfig.Load(engine.Model.Folder, engine.Model.Config);
        Defaults = GenerationOptions.From(makers, tokenizer);
    }

    /// <summary>Its name in requests.</summary>
    public string Id { get; }

    /// <summary>The id of the base, if this is an adapter on it.</summary>
    public string? Parent { get; init; }

    /// <summary>Most tokens of a prompt and its answer.</summary>
    public int MaxLength { get; }

    internal GenerationEngine Engine { get; }

    internal Tokenizer Tokenizer { get; }

    internal ChatTemplate Template { get; }

    /// <summary>Options that requests do not set.</summary>
    internal GenerationOptions Defaults { get; }

    /// <summary>Takes places for some answers; see <see cref="AnswerPlaces.TryTake"/>.</summary>
    /// <param name="count">Number of answers.</param>
    /// <param name="maxWaiting">Most answers that may wait.</param>
    /// <param name="caller">Whose they are; null for no one's in particular.</param>
    /// <returns>Whether there was room.</returns>
    internal bool TryEnter(int count, int maxWaiting, Caller? caller = null) =>
        _places.TryTake(count, Engine.MaxTexts + (long)maxWaiting, caller);

    /// <summary>Gives places back.</summary>
    internal void Leave(int count, Caller? caller = null) => _places.GiveBack(count, caller);
}
