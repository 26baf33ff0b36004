using Lapidary.Gemma.Generation.Batching;

namespace Lapidary.Gemma.Generation;

/// <summary>Stores the prompts of running texts, a piece at a time. A step is of one model: the models take turns, within a piece where
/// that costs nothing.</summary>
internal sealed class PromptPieces
{
    private readonly StepToken[] _tokens = new StepToken[CachedSteps.MaxPromptStep];
    private int _last = -1;

    /// <summary>Stores a piece.</summary>
    /// <param name="running">Texts, the oldest first.</param>
    /// <param name="steps">The steps over the cache.</param>
    public void StoreNext(List<EngineRequest> running, CachedSteps steps)
    {
        for (int room = CachedSteps.MaxPromptStep; room > 0 && NextModel(running, steps) is { } model;)
            room -= Store(running, steps, model, room);
    }

    /// <summary>The model with a prompt to store that comes after the last one; null if all prompts are stored.</summary>
    private StepModel? NextModel(List<EngineRequest> running, CachedSteps steps)
    {
        StepModel? next = null;
        foreach (var request in running)
        {
            var model = request.Text.Model;
            if (request.Text.Unstored > 0 && (next is null || Distance(model) < Distance(next))) next = model;
        }

        return next;

        int Distance(StepModel model) => model.Index - _last + (model.Index > _last ? 0 : steps.Models);
    }

    /// <summary>Stores prompts of a model.</summary>
    /// <returns>Rows of the step.</returns>
    private int Store(List<EngineRequest> running, CachedSteps steps, StepModel model, int most)
    {
        int count = 0;
        foreach (var request in running)
        {
            if (request.Text.Model != model) continue;
            int taken = Math.Min(request.Text.Unstored, most - count);
            for (int i = 0; i < taken; i++) _tokens[count + i] = request.Text.Next(i);
            request.Text.AddStored(taken);
            count += taken;
        }

        _last = model.Index;
        return steps.Store(model, _tokens.AsSpan(0, count));
    }
}
