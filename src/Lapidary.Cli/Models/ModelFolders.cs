using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Hub;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma.Lora;
using Lapidary.Gemma.Sources;
using Lapidary.Hub;

namespace Lapidary.Cli.Models;

/// <summary>Where model, adapter and tokenizer of a command lie on this machine. Ids are asked for once; their weights are fetched last,
/// when everything else has been found to be right.</summary>
internal sealed class ModelFolders
{
    private readonly Place _model;
    private readonly Place? _adapter;
    private readonly Lazy<string?> _tokenizer;

    private ModelFolders(Place model, Place? adapter, Func<string?> findTokenizer) =>
        (_model, _adapter, _tokenizer) = (model, adapter, new(findTokenizer));

    /// <summary>The model's folder.</summary>
    public string Model => _model.Folder;

    /// <summary>The adapter's folder; null without one.</summary>
    public string? Adapter => _adapter?.Folder;

    /// <summary>The folder of the tokenizer that was asked for; null where none was. It is looked for when it is needed: a run that goes
    /// on has its own.</summary>
    /// <exception cref="LapidaryException">There is no such tokenizer, or the Hub refused.</exception>
    public string? Tokenizer => _tokenizer.Value;

    /// <summary>Finds the folders; of ids all files but the weights are there.</summary>
    /// <param name="run">The command.</param>
    /// <param name="settings">Its settings of the model.</param>
    /// <param name="withAdapter">Whether the adapter is of use.</param>
    /// <exception cref="UsageException">No model is given, and no adapter names its base.</exception>
    /// <exception cref="LapidaryException">There is no such model or adapter, or the Hub refused.</exception>
    public static ModelFolders Find(CommandRun run, ModelSettings settings, bool withAdapter = true)
    {
        var values = run.Values;
        var adapter = withAdapter && values.Get(settings.Adapter) is { } given
            ? Place.Find(run, given, HubFiles.AdapterDescription, HubFiles.Adapter)
            : null;
        if (adapter is not null && !values.IsGiven(settings.Model)) SupplyBase(run, settings, adapter);
        var model = Place.Find(run, values.Require(settings.Model), HubFiles.Description, HubFiles.Model);
        return new ModelFolders(model, adapter, () => FindTokenizer(run, settings));
    }

    /// <summary>The folder of the tokenizer that is asked for; null where none is.</summary>
    public static string? FindTokenizer(CommandRun run, ModelSettings settings) =>
        run.Values.Get(settings.Tokenizer) is { } given ? Place.Find(run, given, HubFiles.Tokenizer, null).Folder : null;

    /// <summary>Fetches the weights of model and adapter, where they are ids.</summary>
    /// <param name="run">The command.</param>
    /// <param name="log">Where people read what came of it if they have no screen; null for nowhere.</param>
    /// <exception cref="LapidaryException">The Hub refused, or there are none.</exception>
    public ModelFolders FetchWeights(CommandRun run, TextWriter? log = null)
    {
        _adapter?.FetchWeights(run, log);
        _model.FetchWeights(run, log);
        return this;
    }

    /// <summary>The base that the adapter was made for.</summary>
    private static void SupplyBase(CommandRun run, ModelSettings settings, Place adapter)
    {
        var config = AdapterConfigFile.Read(adapter.Folder);
        if (config.BaseModelNameOrPath is not { Length: > 0 } name) return;
        if (!Directory.Exists(name) && !HubReference.TryParse(name, RepoType.Model, out _))
            throw run.Wrong($"--model is missing, and the base that the adapter names ({name}) is not here.");
        if (!Directory.Exists(name) && config.Revision is { Length: > 0 } revision) name += "@" + revision;
        run.Values.Supply(settings.Model, name);
        run.Note($"--model is not given; the adapter's base is {name}.");
    }

    /// <summary>One folder, and what is still to be fetched into it.</summary>
    private sealed class Place
    {
        private HubReference? _weightsOf;
        private HubFiles? _weights;
        private Fetched _fetched;

        private Place(string folder) => Folder = folder;

        public string Folder { get; private set; }

        public static Place Find(CommandRun run, string folderOrId, HubFiles description, HubFiles? weights)
        {
            if (ModelSource.ReferenceOf(folderOrId, description) is not { } reference) return new Place(folderOrId);
            var fetched = HubTransfer.Fetch(run, reference, description);
            return new Place(fetched.Snapshot.Path)
            {
                // The weights are those of the same commit, whatever becomes of the branch meanwhile.
                _weightsOf = reference with { Revision = fetched.Snapshot.Commit },
                _weights = weights,
                _fetched = fetched,
            };
        }

        public void FetchWeights(CommandRun run, TextWriter? log)
        {
            if (_weightsOf is null || _weights is null) return;
            var all = HubTransfer.Fetch(run, _weightsOf, _weights).With(_fetched);
            (Folder, _weights) = (all.Snapshot.Path, null);
            HubTransfer.Log(run, log, _weightsOf.Repo.Id, all);
        }
    }
}
