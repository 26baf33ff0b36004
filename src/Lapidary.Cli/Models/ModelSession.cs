using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Models;

/// <summary>A model loaded for one command: backend, base and, where one is given, an adapter.</summary>
internal sealed class ModelSession : IDisposable
{
    private ModelSession(IBackend backend, GemmaModel model) => (Backend, Model) = (backend, model);

    public IBackend Backend { get; }

    public GemmaModel Model { get; }

    /// <summary>The adapter of --adapter, attached; null without.</summary>
    public Adapter? Adapter { get; private set; }

    /// <summary>What a user of model and adapter should know.</summary>
    public IEnumerable<string> Notes => [.. Model.Notes, .. Adapter?.Notes ?? []];

    /// <summary>Loads what the settings name, and shows how far that is.</summary>
    /// <param name="run">The command.</param>
    /// <param name="settings">Its settings of the model.</param>
    /// <param name="folders">Where model and adapter are, with their weights.</param>
    /// <param name="backend">Where to, taken over; null for the device of the settings.</param>
    /// <param name="trainable">Whether the adapter will be trained on.</param>
    /// <param name="withAdapter">Whether the settings' adapter is loaded.</param>
    /// <param name="loraDropout">The adapter's dropout from now on, or null for its own.</param>
    /// <param name="isShown">Whether to show it: of several ranks one does.</param>
    /// <exception cref="LapidaryException">There is no such model, adapter or device, or not memory enough.</exception>
    public static ModelSession Open(
        CommandRun run, ModelSettings settings, ModelFolders folders, IBackend? backend = null, bool trainable = false,
        bool withAdapter = true, double? loraDropout = null, bool isShown = true)
    {
        backend ??= DeviceSettings.CreateBackend(run.Values);
        ModelSession? session = null;
        try
        {
            using var work = new WorkScreen(run.Terminal, run.IsJson);
            var options = settings.Options(run.Values) with { Progress = isShown ? work : null };
            session = new ModelSession(backend, GemmaModel.Load(folders.Model, backend, options));
            if (withAdapter && folders.Adapter is { } adapter)
                session.Attach(Adapter.Load(session.Model, adapter, trainable, loraDropout));
            return session;
        }
        catch
        {
            if (session is null) backend.Dispose();
            session?.Dispose();
            throw;
        }
    }

    /// <summary>Attaches an adapter and takes it over.</summary>
    public void Attach(Adapter adapter)
    {
        Adapter = adapter;
        Model.Attach(adapter);
    }

    public void Dispose()
    {
        Adapter?.Dispose();
        Model.Dispose();
        Backend.Dispose();
    }
}
