using Lapidary.Cli.CommandLine;
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

    /// <summary>Loads what the settings name.</summary>
    /// <param name="settings">The command's settings.</param> <param name="values">Their values.</param> <param name="folders">Where model
    /// and adapter are, with their weights.</param>
    /// <param name="trainable">Whether the adapter will be trained on.</param>
    /// <param name="withAdapter">Whether the settings' adapter is loaded.</param>
    /// <param name="loraDropout">The adapter's dropout from now on, or null for its own.</param>
    /// <exception cref="LapidaryException">There is no such model, adapter or device, or not memory enough.</exception>
    public static ModelSession Open(
        ModelSettings settings, SettingValues values, ModelFolders folders, bool trainable = false, bool withAdapter = true,
        double? loraDropout = null) =>
        Open(settings, values, folders, DeviceSettings.CreateBackend(values), trainable, withAdapter, loraDropout);

    /// <summary>Loads what the settings name on a backend, which it takes over.</summary>
    public static ModelSession Open(
        ModelSettings settings, SettingValues values, ModelFolders folders, IBackend backend, bool trainable = false,
        bool withAdapter = true, double? loraDropout = null)
    {
        ModelSession? session = null;
        try
        {
            session = new ModelSession(backend, GemmaModel.Load(folders.Model, backend, settings.Options(values)));
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
