using Lapidary.Gemma.Generation.Batching;

namespace Lapidary.Gemma.Generation;

/// <summary>Stores the prompts of running texts, a step at a time. A step is of one model: the models take turns, of which
/// several share the tokens of a step.</summary>
internal sealed class PromptPieces
{
    private StepToken[] _tokens = [];
    private int _last = -1;

    /// <summary>Stores the next tokens of prompts, as many as a step has, in one step of each model. What fills no step waits for
    /// others.</summary>
    /// <param name="running">Texts, the oldest first.</param>
    /// <param name="steps">The steps over the cache.</param>
    public void StoreNext(List<EngineRequest> running, CachedSteps steps)
    {
        int room = steps.MaxPromptTokens;
        if (_tokens.Length < room) _tokens = new StepToken[room];
        StepModel? first = null;
        while (room > 0 && NextModel(running, steps) is { } model && model != first)
        {
            first ??= model;
            room -= Store(running, steps, model, room);
        }
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
        int count = 0, all = 0;
        foreach (var request in running)
            if (request.Text.Model == model) all += PieceOf(request.Text);
        most = steps.FullPromptTokens(Math.Min(all, most));
        foreach (var request in running)
        {
            if (request.Text.Model != model) continue;
            int taken = Math.Min(PieceOf(request.Text), most - count);
            for (int i = 0; i < taken; i++) _tokens[count + i] = request.Text.Next(i);
            request.Text.AddStored(taken);
            count += taken;
        }

        _last = model.Index;
        return steps.Store(model, _tokens.AsSpan(0, count));

        static int PieceOf(RunningText text) => Math.Min(text.Unstored, CachedSteps.MaxPieceLength);
    }
}
