using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Models;

/// <summary>A model loaded for one command: backend, base and an optional adapter.</summary>
internal sealed class ModelSession : IDisposable
{
    private ModelSession(IBackend backend, GemmaModel model, IEnumerable<string> deviceNotes) =>
        (Backend, Model, DeviceNotes) = (backend, model, [.. deviceNotes]);

    public IBackend Backend { get; }

    public GemmaModel Model { get; }

    /// <summary>The adapter of --adapter, attached; null without.</summary>
    public Adapter? Adapter => Trained as Adapter;

    /// <summary>What is attached: an adapter, or all weights; null for the base alone.</summary>
    public TrainedWeights? Trained { get; private set; }

    /// <summary>Notes for the user: of model and adapter, and on the device.</summary>
    public IEnumerable<string> Notes => [.. Model.Notes, .. Trained?.Notes ?? [], .. DeviceNotes];

    /// <summary>Notes that the device is slow, and on a type and settings of other tools that it does not follow.</summary>
    public IReadOnlyList<string> DeviceNotes { get; }

    /// <summary>Loads what the settings name, and shows the progress.</summary>
    /// <param name="run">The command.</param>
    /// <param name="settings">Settings of the model.</param>
    /// <param name="folders">The folders of model and adapter, with weights.</param>
    /// <param name="backend">The backend, which the session then owns; null for the device in the settings.</param>
    /// <param name="trainable">Whether the adapter will be trained.</param>
    /// <param name="withAdapter">Whether to load the adapter of the settings.</param>
    /// <param name="loraDropout">The adapter's new dropout; null keeps its value.</param>
    /// <param name="isShown">Whether to show the progress; of several ranks, only one does.</param>
    /// <exception cref="LapidaryException">The model, adapter or device does not exist, or memory is insufficient.</exception>
    public static ModelSession Open(
        CommandRun run, ModelSettings settings, ModelFolders folders, IBackend? backend = null, bool trainable = false,
        bool withAdapter = true, double? loraDropout = null, bool isShown = true)
    {
        backend ??= DeviceSettings.CreateBackend(run.Values, settings.Computing(run.Values));
        ModelSession? session = null;
        try
        {
            using var work = new WorkScreen(run.Terminal, run.IsJson);
            var options = settings.Options(run.Values) with
            {
                Progress = isShown ? work : null,
                LoadOnUse = MethodSettings.IsFull(run.Values),
            };
            session = new ModelSession(
                backend, GemmaModel.Load(folders.Model, backend, options),
                [
                    .. DeviceSettings.NoteOn(backend) is { } slow ? [slow] : Array.Empty<string>(),
                    .. backend is CpuBackend && settings.NoteOnCpu(run.Values) is { } note ? [note] : Array.Empty<string>(),
                    .. ConstantNotes.Of(run.Constants, backend.ActivationDType),
                ]);
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

    /// <summary>Attaches an adapter or trained weights, and takes ownership of them.</summary>
    public void Attach(TrainedWeights weights)
    {
        Trained = weights;
        Model.Attach(weights);
    }

    public void Dispose()
    {
        Trained?.Dispose();
        Model.Dispose();
        Backend.Dispose();
    }
}
