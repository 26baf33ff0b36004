using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Cards;
using Lapidary.Gemma.Text;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Logging;
using Lapidary.Training.Manifests;
using Lapidary.Training.Publishing;
using Lapidary.Training.Steps;
using Lapidary.Training.Trainer;

namespace Lapidary.Training;

/// <content>How a run begins, and what it leaves: rank 0 reads and writes, and the others give and take their parts.</content>
public sealed partial class SftTrainer
{
    /// <summary>Checks and sets up everything, then opens the folder.</summary>
    /// <returns>Steps already done.</returns>
    private int Prepare(RunFolder? folder)
    {
        IsComplete = false;
        if (Ranks.WorldSize > 1)
        {
            // Without the hash of the weights, which takes long.
            var identity = RunIdentity.Of(_model, _weights, _config, _train, _eval, weights: null, Ranks.WorldSize);
            _agreement.RequireSame(identity.SharedFields.Concat(RunSettings.OfLoop(_config)).DistinctBy(pair => pair.Key)
                .Append(new("the type that its device computes in", $"{_model.Backend.ActivationDType}")));
        }

        var resumed = ReadCheckpoint(folder);
        SetUp(resumed?.Run);
        _log = NewLog();
        Runner.Begin();
        if (resumed is not null) Resume(resumed, folder);
        Setup.Optimizer.ShareParameters(_weights);
        if (Ranks.WorldSize > 1) _agreement.RequireSame(_identity!);
        if (folder is not null && resumed is null && Expected is not null)
        {
            using var busy = Ranks.Busy("the hash of the weights"); // which a new run computes anyway, but waits for only here
            Expected.RequireBase(_identity!.Value, _model.Name);
        }

        if (folder?.CheckRoom(RunRoom.Of(_weights, _model, _config, _schedule, resumed?.State.GlobalStep ?? 0)) is { } full)
            _observer.OnMessage(full);
        folder?.Begin(
            Settings ?? RunSettings.Of(_model, _weights, _config, Ranks.WorldSize).Concat(Publisher?.Settings() ?? []),
            _weights.Source?.Folder, SaveTokenizer);
        _manifest = folder is null ? null : RunManifest.Begin(
            _config.OutputDir, new ManifestSubject(_model, _weights, _config, _train, _eval, _communicator, DataSets, Memory),
            folder.Settings, _identity!, resumed?.State, TotalSteps, _time, _observer.OnMessage);
        return resumed?.State.GlobalStep ?? 0;
    }

    private ResumedRun? ReadCheckpoint(RunFolder? folder)
    {
        ResumedRun? resumed;
        using (Ranks.Busy("reading the checkpoint"))
        {
            resumed = folder?.Checkpoint is { } checkpoint ? ResumedRun.Read(checkpoint) : null;
            resumed?.Require(_identity!.Value, _train.OldFingerprint(_config), _weights, _schedule.TotalSteps);
        }

        if (Ranks.WorldSize == 1) return resumed;
        string? shared = _agreement.FromLeader(resumed?.ToText());
        return resumed ?? (shared is null ? null : ResumedRun.FromText(shared));
    }

    /// <summary>Plans the run and allocates its memory.</summary>
    private void SetUp(RunState? resumed)
    {
        _setup?.Dispose();
        _setup = null; // also if this run ends before the next one is made
        _agreement.Meet(); // ranks that share a machine's memory have all loaded when it is read
        int sharing = _model.Backend is CpuBackend ? Ranks.LocalSize : 1;
        var (budget, leastRank) = _agreement.Least(MemoryPlanner.Budget(_model.Backend.Memory, sharing));
        var shape = RunShape.Of(
            _config, _train, _eval, Ranks.WorldSize, GenerationShape.Of(_model, Metric, Ranks.WorldSize, budget));
        using (Ranks.Busy("planning"))
        {
            var planner = new MemoryPlanner(_model, _weights, _config, shape, budget);
            MemoryPlan = FixedSteps is { } steps ? planner.Try(steps)
                : resumed is { RowsPerRun: > 0 } && resumed.WorldSize == Ranks.WorldSize
                    ? planner.Resume(resumed.RowsPerRun, resumed.MaxLogitsBytes)
                : planner.Plan();
        }

        _agreement.RequireSame(MemoryPlan.Steps);
        RequireFit(leastRank);
        using var busy = Ranks.Busy("setting up");
        _setup = new TrainingSetup(_model, _weights, _config, shape, MemoryPlan.Steps, _model.Backend, _communicator);
        _evaluation = _eval is null
            ? null
            : new RunEvaluation(
                _config, _schedule, new Evaluator(_model, _setup.EvaluationSteps, _eval, _config.PerDeviceEvalBatchSize, Ranks), Metric,
                _setup.Engine, Ranks);
    }

    private void RequireFit(int leastRank)
    {
        try
        {
            Memory.RequireFit();
        }
        catch (LapidaryException e) when (Ranks.WorldSize > 1)
        {
            throw new LapidaryException($"{Ranks.NameOf(leastRank)} has the least memory. {e.Message}", e);
        }
    }

    private void Resume(ResumedRun resumed, RunFolder? folder)
    {
        if (folder is null)
        {
            using var waiting = Ranks.Waiting("rank 0 to read the checkpoint");
            OptimizerFile.Take(Setup.Optimizer);
        }
        else
        {
            foreach (string note in resumed.Notes(_identity!.Value, TotalSteps, _config.LrSchedulerType, Ranks.WorldSize))
                _observer.OnMessage(note);
            using var busy = Ranks.Busy("reading the checkpoint");
            _weights.Restore(resumed.Checkpoint, _model);
            OptimizerFile.Read(resumed.Checkpoint, Setup.Optimizer, _model.Backend);
        }

        if (resumed.Run.LossScale is { } scale) Runner.Scale.Restore(scale);
        _log.Restore(resumed.State, resumed.Run.Pending);
        if (resumed.Run.Identity is { } before && before.Metric != _identity!.Value.Metric) _log.ForgetBest(); // of another measure
        if (folder is not null && _config.LoadBestModelAtEnd && _log.BestCheckpoint is { } best && folder.Named(best) is null)
        {
            _observer.OnMessage($"The best checkpoint so far, {best}, is not in the output folder: the best one is looked for anew.");
            _log.ForgetBest();
        }
    }

    private void Save(RunFolder? folder, int step)
    {
        if (folder is null)
        {
            using var waiting = Ranks.Waiting("rank 0 to save a checkpoint");
            OptimizerFile.Give(Setup.Optimizer);
            return;
        }

        using var busy = Ranks.Busy("saving a checkpoint");
        string saved = folder.Save(step, path =>
        {
            _weights.SaveCheckpoint(path, _model);
            OptimizerFile.Write(path, Setup.Optimizer, _model.Backend);
            State(step).Write(path);
            new RunState
            {
                GlobalStep = step,
                RowsPerRun = Memory.Steps.RowsPerRun,
                MaxLogitsBytes = Memory.Steps.MaxLogitsBytes,
                WorldSize = Ranks.WorldSize,
                LossScale = Runner.Scale.Kept,
                Pending = _log.Pending,
                Identity = _identity!.Value,
            }.Write(path);
        }, _log.BestCheckpoint);
        if (folder.Replaces) CardFile.Forget(_config.OutputDir);
        _manifest?.Saved(State(step), _model.Backend.Memory.PeakBytes);
        _observer.OnCheckpoint(saved);
        TrainingTelemetry.OnCheckpoint(saved, step);
        Publisher?.Add(saved, _config.OutputDir, Card(State(step)));
    }

    private void SaveTokenizer(string path)
    {
        if (Encoder is null) TokenizerFolder.Copy(_model.Folder, path);
        else Encoder.Save(path);
        if (IsChat is { } isChat) PromptKind.Write(path, isChat);
    }

    private void LoadBest(RunFolder? folder)
    {
        using (Ranks.Busy("reading the best checkpoint"))
            if (folder is not null) RestoreBest(folder);
        Setup.Optimizer.ShareParameters(_weights);
    }

    private void RestoreBest(RunFolder folder)
    {
        if (_log.BestCheckpoint is not { } name) return;
        if (folder.Named(name) is not { } checkpoint)
        {
            _observer.OnMessage($"The best checkpoint, {name}, is not in the output folder any more: the last weights are kept.");
            return;
        }

        _weights.Restore(checkpoint, _model);
        _log.LoadedCheckpoint = name;
        string measure = _config.HasMetric ? _config.EvalMetric : "evaluation loss";
        _observer.OnMessage($"Best checkpoint: {name}, {measure} {_log.Best:F4}.");
        if (_log.BetterBefore is { } before)
        {
            _observer.OnMessage($"But the model before training was better, {measure} {before:F4}: this run has not improved it. "
                + "Try a smaller learning rate, and see whether the rows for evaluation are of the kind of those for training.");
        }
    }

    private void Complete(RunFolder? folder, TrainerState state)
    {
        using var busy = Ranks.Busy("saving the result");
        folder?.Complete(path =>
        {
            _weights.Save(path, _model);
            state.Write(path);
        });
        if (folder is not null) WriteCard(state);
    }

    /// <summary>The card, which is also pushed. A result is complete without it.</summary>
    private void WriteCard(TrainerState state)
    {
        try
        {
            CardFile.Write(_config.OutputDir, Card(state).ToText());
        }
        catch (LapidaryException e)
        {
            _observer.OnMessage($"warning: there is no model card ({e.Message})");
        }
    }

    private RunCard Card(TrainerState state) => new((_weights as Adapter)?.ConfigOver(_model), _config, state)
    {
        Repo = Publisher?.Repo,
        Base = _model.Name,
        BaseConfig = _model.Config,
        Architecture = (string?)_model.Config.Json["architectures"]?[0],
        Datasets = DataSets,
        IsQuantized = _model.Options.Quantization == QuantizationKind.Nf4 || _model.Config.Quantization is not null,
        TrainRows = _train.Sequences.Set.Count,
        EvaluationRows = _eval?.Sequences.Set.Count,
    };

    /// <summary>Pushes the result of the run. If the run was stopped, running uploads may end soon.</summary>
    private void EndPublishing(RunFolder folder, TrainerState state, CancellationToken cancellationToken)
    {
        if (Publisher is null) return;
        if (IsComplete) Publisher.Complete(_config.OutputDir, folder.FinalFiles(), folder.LastCheckpoint, Card(state), cancellationToken);
        else Publisher.Interrupt();
        Publisher.Tell(_observer);
    }

    /// <summary>A log that only rank 0 shows.</summary>
    private RunLog NewLog() => new(Ranks.IsLeader ? _observer : new ObserverGroup(), _config.HasMetric ? Metric : null);
}
