using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Server;

namespace Lapidary.Cli.Serving;

/// <summary>The base and its adapters in memory, each with an engine; all share the base's weights.</summary>
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
            for (int i = 0; i < all.Length; i++) models.Add(run, session.Model, names, i, all[i].Adapter, texts[i], texts[0]);
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

    private void Add(
        CommandRun run, GemmaModel model, string[] names, int index, string? folder, TextTools text, TextTools textOfBase)
    {
        if (folder is not null)
        {
            model = Own(model.ShareWeights());
            var adapter = Own(Adapter.Load(model, folder));
            foreach (string note in adapter.Notes) run.Note(note);
            model.Attach(adapter);
        }

        int most = run.Values.Get(ServeSettings.MaxBatch), length = run.Values.Get(ServeSettings.MaxLength);
        // Adapters mostly have copies of their base's tokenizer.
        var tokenizer = text.Tokenizer.Identity == textOfBase.Tokenizer.Identity ? textOfBase.Tokenizer : text.Tokenizer;
        int context = model.Config.MaxPositionEmbeddings;
        var engine = Own(new GenerationEngine(model, most) { Sharers = names.Length, ReservedLength = length == 0 ? context : length });
        var served = new ServedModel(names[index], engine, tokenizer, text.Template, length) { Parent = index == 0 ? null : names[0] };
        int slots = engine.Prepare(served.MaxLength);
        if (slots < most)
        {
            throw new ToolException(
                $"--max-batch {most}: memory has room for {Amount.Of(slots, "answer")} of {served.MaxLength} tokens at a time of "
                + $"{served.Id}; give a smaller --max-batch or --max-length.");
        }

        run.Note($"{served.Id}: up to {Amount.Of(slots, "answer")} at a time, each of up to {served.MaxLength} tokens with its prompt.");
        _served.Add(served);
    }

    private T Own<T>(T owned) where T : IDisposable
    {
        _owned.Push(owned);
        return owned;
    }
}
