using Lapidary.Gemma;

namespace Lapidary.Hosting;

/// <summary>A model that is ready to answer.</summary>
/// <param name="Model">The base itself, or a model over its weights with an adapter.</param>
/// <param name="Adapter">The adapter; null for the base.</param>
/// <param name="Engine">Its engine, whose steps others may share.</param>
/// <param name="Tokenizer">Its tokenizer.</param>
/// <param name="Template">Its chat template.</param>
internal sealed record LoadedModel(
    GemmaModel Model, Adapter? Adapter, GenerationEngine Engine, Tokenizer Tokenizer, ChatTemplate Template) : IDisposable
{
    /// <summary>Loads a model's base, unless it is there, its adapter and its tokenizer.</summary>
    /// <exception cref="Formats.LapidaryException">One of them cannot be loaded.</exception>
    public static LoadedModel Load(ModelKey key, SharedBase shared)
    {
        if (key.Adapter is null) return Load(key, shared, shared.Model, adapter: null);
        var model = shared.Model.ShareWeights();
        Adapter? adapter = null;
        try
        {
            model.Attach(adapter = Adapter.Load(model, key.Adapter));
            return Load(key, shared, model, adapter);
        }
        catch
        {
            adapter?.Dispose();
            model.Dispose();
            throw;
        }
    }

    /// <summary>Frees the adapter and its model, after the engine.</summary>
    public void Dispose()
    {
        if (Adapter is null) return;
        Adapter.Dispose();
        Model.Dispose();
    }

    private static LoadedModel Load(ModelKey key, SharedBase shared, GemmaModel model, Adapter? adapter)
    {
        string folder = key.Tokenizer ?? (adapter?.Source is { } source ? TokenizerFolder.Resolve(source.Folder) : null) ?? key.Model;
        var (tokenizer, template) = (Tokenizer.Load(folder), ChatTemplate.Load(folder));
        return new(model, adapter, shared.EngineOf(model, key.MaxTexts, key.MaxWaiting), tokenizer, template);
    }
}
