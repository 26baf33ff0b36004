using Lapidary.Gemma;

namespace Lapidary.Cli.Serving;

/// <summary>Models without weights in the engines that would serve them.</summary>
internal sealed class ServedSkeletons : IDisposable
{
    private readonly GemmaModel _model;
    private readonly List<List<GemmaModel>> _engines;
    private readonly Stack<IDisposable> _owned = [];

    /// <param name="model">The base, which the caller disposes later.</param>
    public ServedSkeletons(GemmaModel model) => (_model, _engines) = (model, [[model]]);

    /// <summary>For each engine its models.</summary>
    public IReadOnlyList<IReadOnlyList<GemmaModel>> Engines => _engines;

    /// <summary>Adds an adapter.</summary>
    public void Add(LoraConfig shape, bool hasOwnEngine)
    {
        var model = Own(_model.ShareWeights());
        model.Attach(Own(Adapter.UsedSkeleton(model, shape)));
        if (hasOwnEngine) _engines.Add([model]);
        else _engines[0].Add(model);
    }

    public void Dispose()
    {
        while (_owned.TryPop(out var owned)) owned.Dispose();
    }

    private T Own<T>(T owned) where T : IDisposable
    {
        _owned.Push(owned);
        return owned;
    }
}
