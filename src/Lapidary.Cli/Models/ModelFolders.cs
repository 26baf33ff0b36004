using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Hub;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma.Lora;
using Lapidary.Gemma.Sources;
using Lapidary.Hub;

namespace Lapidary.Cli.Models;

/// <summary>The local folders of a command's model, adapter and tokenizer. Ids are requested once; their weights are fetched last, after
/// all other checks have passed.</summary>
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

    /// <summary>The folder of the requested tokenizer; null if none was requested. It is resolved when needed, because a resumed run has
    /// its own copy.</summary>
    /// <exception cref="LapidaryException">The tokenizer does not exist, or the Hub refused.</exception>
    public string? Tokenizer => _tokenizer.Value;

    /// <summary>Finds the folders; of ids, all files except the weights are fetched.</summary>
    /// <param name="run">The command.</param>
    /// <param name="settings">Settings of the model.</param>
    /// <param name="withAdapter">Whether the command uses the adapter.</param>
    /// <exception cref="UsageException">No model is given, and no adapter names its base.</exception>
    /// <exception cref="LapidaryException">The model or adapter does not exist, or the Hub refused.</exception>
    public static ModelFolders Find(CommandRun run, ModelSettings settings, bool withAdapter = true) =>
        Find(run, settings, withAdapter ? run.Values.Get(settings.Adapter) : null);

    /// <inheritdoc cref="Find(CommandRun, ModelSettings, bool)"/>
    /// <param name="run">The command.</param>
    /// <param name="settings">Settings of the model.</param>
    /// <param name="adapterName">Folder or id of an adapter; null for none.</param>
    public static ModelFolders Find(CommandRun run, ModelSettings settings, string? adapterName)
    {
        var values = run.Values;
        var adapter = FindAdapter(run, adapterName);
        if (adapter is not null && !values.IsGiven(settings.Model)) SupplyBase(run, settings, adapter);
        string name = values.Require(settings.Model);
        if (!settings.HasAdapter && IsAdapter(name))
        {
            throw new ToolException(
                $"{name}: expected a model, found an adapter; merge it into its base first: lapidary merge --adapter "
                + $"{ShellText.Quote(name)} --output merged");
        }

        WholeModel.RequireEnded(name);
        var model = Place.Find(run, name, HubFiles.Description, HubFiles.Model);
        return new ModelFolders(model, adapter, () => FindTokenizer(run, settings));
    }

    private static bool IsAdapter(string folder) => File.Exists(Path.Combine(folder, HubFiles.Adapter.Required))
        && !File.Exists(Path.Combine(folder, HubFiles.Model.Required));

    /// <summary>The same base with another adapter, or with none.</summary>
    public ModelFolders WithAdapter(CommandRun run, string? adapterName) =>
        new(_model, FindAdapter(run, adapterName), () => Tokenizer);

    /// <summary>The folder of the requested tokenizer; null if none is requested.</summary>
    public static string? FindTokenizer(CommandRun run, ModelSettings settings) =>
        run.Values.Get(settings.Tokenizer) is { } given ? Place.Find(run, given, HubFiles.Tokenizer, null).Folder : null;

    /// <summary>Fetches the weights of model and adapter, if they are ids.</summary>
    /// <param name="run">The command.</param>
    /// <param name="log">Receives the report without a screen; null for none.</param>
    /// <exception cref="LapidaryException">The Hub refused, or there are no weights.</exception>
    public ModelFolders FetchWeights(CommandRun run, TextWriter? log = null)
    {
        _adapter?.FetchWeights(run, log);
        _model.FetchWeights(run, log);
        return this;
    }

    private static Place? FindAdapter(CommandRun run, string? name)
    {
        if (name is null) return null;
        WholeModel.RefuseAsAdapter(name, run.Values.Command);
        return Place.Find(run, name, HubFiles.AdapterDescription, HubFiles.Adapter);
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

    /// <summary>A folder, and the files that are still to be fetched.</summary>
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
                // The weights come from the same commit, even if the branch changes meanwhile.
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
