using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Model;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Optimizers;
using Lapidary.Training.Steps;
using Lapidary.Training.Trainer;

namespace Lapidary.Training;

/// <summary>Supervised fine-tuning of an adapter: the loop over optimizer steps, with logs, evaluations and checkpoints.</summary>
/// <remarks>The loss of an optimizer step is the sum over trained tokens divided by their number in the whole step, so rows per micro-batch
/// × micro-batches (8×1, 4×2, 2×4) give the same losses. A run is a function of data, options and seed, so stopped and resumed it gives the
/// same bits as uninterrupted.</remarks>
public sealed partial class SftTrainer : IDisposable
{
    /// <summary>Instead of a checkpoint's folder: the newest of the output folder.</summary>
    public const string LatestCheckpoint = RunNames.Latest;

    private readonly GemmaModel _model;
    private readonly Adapter _adapter;
    private readonly SftConfig _config;
    private readonly PackedDataSet _train;
    private readonly PackedDataSet? _eval;
    private readonly TimeProvider _time;
    private readonly BatchSchedule _schedule;
    private readonly LearningRateSchedule _rates;
    private ITrainingObserver _observer;
    private RunLog _log;
    private PendingIdentity? _identity;
    private TrainingSetup? _setup;
    private Evaluator? _evaluator;

    /// <summary>Prepares a run; nothing is computed or allocated yet.</summary>
    /// <param name="model">The frozen base; the adapter is attached to it.</param> <param name="adapter">What is trained.</param>
    /// <param name="config">Options.</param> <param name="train">What is trained on.</param> <param name="eval">What is evaluated on,
    /// or null.</param>
    /// <param name="observer">Told how it goes; what it throws does not end the run, see <see cref="ObserverGroup"/>.</param>
    /// <param name="time">The clock, null for the system's.</param>
    public SftTrainer(
        GemmaModel model, Adapter adapter, SftConfig config, PackedDataSet train, PackedDataSet? eval = null,
        ITrainingObserver? observer = null, TimeProvider? time = null)
    {
        config.Validate(hasEvaluation: eval is not null);
        (_model, _adapter, _config, _train, _eval) = (model, adapter, config, train, eval);
        _observer = observer is null ? new ObserverGroup() : new ObserverGroup(observer);
        _time = time ?? TimeProvider.System;
        _log = new RunLog(_time, _observer);
        model.Attach(adapter);
        _schedule = new BatchSchedule(train.Count, config);
        _rates = LearningRateSchedule.Of(config, _schedule.TotalSteps);
    }

    /// <summary>Optimizer steps of the whole run.</summary>
    public int TotalSteps => _schedule.TotalSteps;

    /// <summary>Its tokenizer and chat template are saved beside the adapter and each checkpoint; the model's own where null.</summary>
    public ITextEncoder? Encoder { get; init; }

    /// <summary>How the run uses memory; null before <see cref="Train(string?, CancellationToken)"/>.</summary>
    public MemoryPlan? MemoryPlan { get; private set; }

    /// <summary>Whether the run came to its end, and its adapter is in the output folder; false where it was cancelled.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>For tests: a layout of steps instead of the planner's choice.</summary>
    internal StepPlan? FixedSteps { get; set; }

    /// <summary>What run.yaml gets, for a caller that knows more than the trainer; null for what the trainer was given.</summary>
    internal IEnumerable<KeyValuePair<string, string>>? Settings { get; set; }

    /// <summary>Trains to the end, or until cancelled: then the step at hand is finished and a checkpoint saved. The output folder gets
    /// checkpoints, run.yaml, TensorBoard events and at the end the adapter; one that holds a run already is refused, unless this one goes
    /// on with it or overwrite_output_dir is set. Nothing in it changes before everything else has been accepted. A second call begins with
    /// the weights that the first one left.</summary>
    /// <param name="resumeFrom">A checkpoint folder to go on from, <see cref="LatestCheckpoint"/>, or null to start anew.</param>
    /// <param name="cancellationToken">Asks for an early end.</param>
    /// <returns>The state at the end; <see cref="IsComplete"/> tells whether that is the run's.</returns>
    /// <exception cref="LapidaryException">The output folder is in use or holds another run, the checkpoint does not belong to this run, or
    /// a file cannot be written.</exception>
    public TrainerState Train(string? resumeFrom = null, CancellationToken cancellationToken = default)
    {
        string[] inputs = _model.Folder.Length > 0 ? [_model.Folder] : [];
        using var folder = RunFolder.Open(_config, resumeFrom, _observer.OnMessage, inputs);
        return Train(folder, cancellationToken);
    }

    /// <summary>Trains in a folder that the caller has opened.</summary>
    internal TrainerState Train(RunFolder folder, CancellationToken cancellationToken)
    {
        using var identity = _identity = new PendingIdentity(_model, _adapter, _config, _train, _eval);
        int step = Prepare(folder);
        using var events = _config.ReportTo == ReportTo.Tensorboard
            ? new TensorBoardObserver(Path.Combine(_config.OutputDir, RunNames.Events), _time)
            : null;
        var told = _observer;
        if (events is not null) _observer = new ObserverGroup(_observer, events);
        try
        {
            _log.Observer = _observer;
            return Run(folder, step, cancellationToken);
        }
        finally
        {
            _observer = told;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _setup?.Dispose();
        _setup = null;
        DisposeAdapter();
    }

    private MemoryPlan Memory => MemoryPlan ?? throw new InvalidOperationException("The run is not set up yet.");

    private TrainingSetup Setup => _setup ?? throw new InvalidOperationException("The run is not set up yet.");

    /// <summary>Checks and sets up everything, and then takes the folder.</summary>
    /// <returns>Steps already done.</returns>
    private int Prepare(RunFolder folder)
    {
        IsComplete = false;
        var resumed = folder.Checkpoint is { } checkpoint ? ResumedRun.Read(checkpoint) : null;
        resumed?.Require(_identity!.Value, _train.OldFingerprint(_config), _adapter, _schedule.TotalSteps);
        SetUp(resumed?.Run);
        _log = new RunLog(_time, _observer);
        if (resumed is not null) Resume(resumed, folder);
        folder.Begin(Settings ?? RunSettings.Of(_model, _adapter, _config), _adapter.Folder, SaveTokenizer);
        return resumed?.State.GlobalStep ?? 0;
    }

    private TrainerState Run(RunFolder folder, int step, CancellationToken cancellationToken)
    {
        _observer.OnStart(Plan(step));
        _log.StartClock();
        long started = _time.GetTimestamp();
        int first = step, saved = step;

        // A run that was stopped in an evaluation does that first.
        bool goesOn = first == 0 || _log.IsEvaluated(first)
            || Evaluate(first, IsDue(_config.SaveStrategy, _config.SaveSteps, first), cancellationToken);
        while (goesOn && step < TotalSteps && !cancellationToken.IsCancellationRequested)
        {
            long stepStarted = _time.GetTimestamp();
            var result = RunStep(step++);
            _log.Count(result);
            if (step % _config.LoggingSteps == 0 || step == TotalSteps) _log.AddSteps(step, _schedule.EpochAfter(step), result);
            _observer.OnStep(Progress(step, first, started, stepStarted, result));
            bool saves = IsDue(_config.SaveStrategy, _config.SaveSteps, step);
            goesOn = Evaluate(step, saves, cancellationToken);
            if (saves) Save(folder, saved = step);
        }

        IsComplete = goesOn && step == TotalSteps;
        if (saved != step && !IsComplete) Save(folder, step);
        if (!IsComplete) return State(step);
        if (_config.LoadBestModelAtEnd) LoadBest(folder);
        var state = State(step);
        folder.Complete(path =>
        {
            _adapter.Save(path, _model);
            state.Write(path);
        });
        return state;
    }

    /// <summary>Plans the run and allocates what it needs.</summary>
    private void SetUp(RunState? resumed)
    {
        _setup?.Dispose();
        var shape = RunShape.Of(_config, _train, _eval);
        var planner = new MemoryPlanner(_model, _adapter, _config, shape, MemoryPlanner.Budget(_model.Backend.Memory));
        MemoryPlan = FixedSteps is { } steps ? planner.Try(steps)
            : resumed is { RowsPerRun: > 0 } ? planner.Resume(resumed.RowsPerRun, resumed.MaxLogitsBytes)
            : planner.Plan();
        MemoryPlan.RequireFit();
        _setup = new TrainingSetup(_model, _adapter, _config, shape, MemoryPlan.Steps, _model.Backend);
        _evaluator = _eval is null ? null : new Evaluator(_model, _setup.EvaluationSteps, _eval, _config.PerDeviceEvalBatchSize);
    }

    /// <summary>One optimizer step: the gradients of all its rows, some at a time, then the update.</summary>
    private OptimizerStepResult RunStep(int step)
    {
        var rows = _schedule.Rows(step);
        int trained = _train.TrainedTokens(rows), atATime = Memory.Steps.RowsPerRun;
        float lossScale = trained == 0 ? 0 : 1f / trained;

        Setup.Optimizer.ZeroGradients();
        double loss = 0;
        long hits = 0, tokens = 0;
        for (int first = 0; first < rows.Length; first += atATime)
        {
            var batch = _train.Batch(rows.Slice(first, Math.Min(atATime, rows.Length - first)));
            _model.Backend.Write<long>([DropoutSeed(step, first)], _adapter.DropoutSeed);
            var result = Setup.Steps.For(batch).Run(batch, lossScale);
            if (!double.IsFinite(result.LossSum)) throw NotFinite(step, rows.Slice(first, Math.Min(atATime, rows.Length - first)), result);
            loss += result.LossSum;
            hits += result.Hits;
            tokens += batch.RealTokens;
        }

        double rate = _rates.At(step);
        var (norm, applied) = Setup.Optimizer.Step(rate, step + 1);
        if (!applied)
        {
            throw new LapidaryException(
                $"Step {step + 1}: the loss is {loss / Math.Max(1, trained):G4}, but the norm of its gradients is {norm:G4}, too large "
                + "to be applied. The weights are those of the step before; nothing of this step is saved, and the checkpoints before it "
                + "are whole. Lower learning_rate, set a max_grad_norm, or look at the rows of this step.");
        }

        return new OptimizerStepResult(loss / Math.Max(1, trained), hits, trained, tokens, norm, rate);
    }

    private LapidaryException NotFinite(int step, ReadOnlySpan<int> sequences, in StepResult result) => new(
        $"Step {step + 1}: the loss of {_train.Describe(sequences)} is {result.LossSum}; {Divergence.Explain(_model)} Where the run began "
        + "with finite losses, lower learning_rate. Nothing of this step is applied or saved; the checkpoints before it are whole.");

    private TrainingProgress Progress(int step, int first, long started, long stepStarted, in OptimizerStepResult result) => new(
        step, TotalSteps, _schedule.EpochAfter(step), result.Loss, result.LearningRate,
        result.Tokens / _time.GetElapsedTime(stepStarted).TotalSeconds,
        _time.GetElapsedTime(started) * ((double)(TotalSteps - step) / (step - first)));

    /// <summary>Scores the evaluation set where the step is due for it.</summary>
    /// <returns>False where that was cancelled.</returns>
    private bool Evaluate(int step, bool saves, CancellationToken cancellationToken)
    {
        if (_evaluator is null || !IsDue(_config.EvalStrategy, _config.EvalSteps, step)) return true;
        try
        {
            var (loss, accuracy) = _evaluator.Run(cancellationToken);
            _log.AddEvaluation(step, _schedule.EpochAfter(step), loss, accuracy, saves ? RunFolder.NameOf(step) : null);
            return true;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private void Save(RunFolder folder, int step) => _observer.OnCheckpoint(folder.Save(step, path =>
    {
        _adapter.Save(path, _model);
        OptimizerFile.Write(path, Setup.Optimizer, _model.Backend);
        State(step).Write(path);
        new RunState
        {
            GlobalStep = step,
            RowsPerRun = Memory.Steps.RowsPerRun,
            MaxLogitsBytes = Memory.Steps.MaxLogitsBytes,
            Pending = _log.Pending,
            Identity = _identity!.Value,
        }.Write(path);
    }, _log.BestCheckpoint));

    private void SaveTokenizer(string path)
    {
        if (Encoder is null) TokenizerFolder.Copy(_model.Folder, path);
        else Encoder.Save(path);
    }

    private void LoadBest(RunFolder folder)
    {
        if (_log.BestCheckpoint is not { } name) return;
        if (folder.Named(name) is not { } checkpoint)
        {
            _observer.OnMessage($"The best checkpoint, {name}, is not in the output folder any more: the last weights are kept.");
            return;
        }

        _adapter.Restore(checkpoint, _model);
        _observer.OnMessage($"Best checkpoint: {name}, evaluation loss {_log.BestLoss:F4}.");
    }

    private void Resume(ResumedRun resumed, RunFolder folder)
    {
        foreach (string note in resumed.Notes(_identity!.Value, TotalSteps, _config.LrSchedulerType)) _observer.OnMessage(note);
        _adapter.Restore(resumed.Checkpoint, _model);
        OptimizerFile.Read(resumed.Checkpoint, Setup.Optimizer, _model.Backend);
        _log.Restore(resumed.State, resumed.Run.Pending);
        if (_config.LoadBestModelAtEnd && _log.BestCheckpoint is { } best && folder.Named(best) is null)
        {
            _observer.OnMessage($"The best checkpoint so far, {best}, is not in the output folder: the best one is looked for anew.");
            _log.ForgetBest();
        }
    }

    private TrainerState State(int step) => _log.State(step, TotalSteps, _schedule.EpochAfter(step), _config);

    private TrainingPlan Plan(int firstStep) => new(
        _train.Count, _schedule.StepsPerEpoch, firstStep, TotalSteps, _adapter.ParameterCount, Memory);

    private bool IsDue(IntervalStrategy strategy, int interval, int step) => strategy switch
    {
        IntervalStrategy.Steps => step % interval == 0 || step == TotalSteps,
        IntervalStrategy.Epoch => step % _schedule.StepsPerEpoch == 0 || step == TotalSteps,
        _ => false,
    };

    /// <summary>A seed of its own for every run through the model, whatever happened before.</summary>
    private long DropoutSeed(int step, int firstRow) =>
        _config.Seed + ((long)step * _schedule.RowsPerStep + firstRow + 1) * 0x5851F42D4C957F2DL;
}
