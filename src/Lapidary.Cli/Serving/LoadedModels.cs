using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Server;

namespace Lapidary.Cli.Serving;

/// <summary>The base and its adapters in memory; all share the base's weights, and most of them their steps.</summary>
internal sealed class LoadedModels : IDisposable
{
    private readonly Stack<IDisposable> _owned = [];
    private readonly List<ServedModel> _served = [];

    private LoadedModels()
    {
    }

    /// <summary>The models; the base first.</summary>
    public IReadOnlyList<ServedModel> Served => _served;

    /// <summary>Loads all of them, and sets the memory of their answers aside.</summary>
    /// <exception cref="LapidaryException">One cannot be loaded, or memory is insufficient.</exception>
    public static LoadedModels Load(CommandRun run, ModelSettings settings, IReadOnlyList<NamedAdapter> adapters)
    {
        var folders = ModelFolders.Find(run, settings, adapters.Count > 0 ? adapters[0].Source : null);
        ModelFolders[] all = [folders.WithAdapter(run, null), .. adapters.Select(adapter => folders.WithAdapter(run, adapter.Source))];
        string[] names = [NamedAdapter.NameOf(run.Values.Require(settings.Model)), .. adapters.Select(adapter => adapter.Name)];
        if (names.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw run.Wrong($"--adapter: two models have the name {twice.Key}; give another one as NAME=DIR_OR_ID.");
        var texts = all.Select(each => TextTools.TryLoad(settings, run.Values, each) ?? throw new ToolException(
            $"{each.Model}: expected a tokenizer.json, found none; give the folder or id of one with --tokenizer.")).ToArray();

        var models = new LoadedModels();
        try
        {
            foreach (var each in all) each.FetchWeights(run);
            var session = models.Own(ModelSession.Open(run, settings, all[0], withAdapter: false));
            foreach (string note in session.Notes) run.Note(note);
            models.Add(run, [.. all.Select(each => models.WithAdapter(run, session.Model, each.Adapter))], names, texts);
            return models;
        }
        catch
        {
            models.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        while (_owned.TryPop(out var owned)) owned.Dispose();
    }

    /// <summary>The base, or a model over the same weights with an adapter.</summary>
    private GemmaModel WithAdapter(CommandRun run, GemmaModel model, string? folder)
    {
        if (folder is null) return model;
        model = Own(model.ShareWeights());
        var adapter = Own(Adapter.Load(model, folder));
        foreach (string note in adapter.Notes) run.Note(note);
        model.Attach(adapter);
        return model;
    }

    /// <summary>Adapters of LoRA alone share the base's engine. Others have engines of their own, which divide the memory.</summary>
    private void Add(CommandRun run, GemmaModel[] models, string[] names, TextTools[] texts)
    {
        int most = run.Values.Get(ServeSettings.MaxBatch), length = run.Values.Get(ServeSettings.MaxLength);
        int reserved = length == 0 ? models[0].Config.MaxPositionEmbeddings : length;
        var engines = new GenerationEngine[models.Length];
        var own = new List<GenerationEngine>();
        for (int i = 0; i < models.Length; i++)
        {
            bool joins = i > 0 && engines[0].CanJoin(models[i]);
            engines[i] = Own(joins ? engines[0].Join(models[i]) : new GenerationEngine(models[i], most) { ReservedLength = reserved });
            if (!joins) own.Add(engines[i]);
            // Adapters mostly have copies of their base's tokenizer.
            var tokenizer = texts[i].Tokenizer.Identity == texts[0].Tokenizer.Identity ? texts[0].Tokenizer : texts[i].Tokenizer;
            _served.Add(new ServedModel(names[i], engines[i], tokenizer, texts[i].Template, length) { Parent = i == 0 ? null : names[0] });
        }

        foreach (var engine in own) engine.Sharers = own.Count;
        foreach (var engine in own)
        {
            SetAside(run, engine, most, [.. _served.Where((_, i) => engines[i].Together == engine.Together)]);
        }
    }

    /// <summary>Allocates the cache of models that share steps.</summary>
    private static void SetAside(CommandRun run, GenerationEngine engine, int most, ServedModel[] together)
    {
        string names = string.Join(", ", together.Select(model => model.Id));
        int length = together[0].MaxLength, slots = engine.Prepare(length);
        if (slots < most)
        {
            throw new ToolException(
                $"--max-batch {most}: memory has room for {Amount.Of(slots, "answer")} of {length} tokens at a time of {names}; give a "
                + "smaller --max-batch or --max-length.");
        }

        run.Note($"{names}: up to {Amount.Of(slots, "answer")} at a time, each of up to {length} tokens with its prompt.");
    }

    private T Own<T>(T owned) where T : IDisposable
    {
        _owned.Push(owned);
        return owned;
    }
}
