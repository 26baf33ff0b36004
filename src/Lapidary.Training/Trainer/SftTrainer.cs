using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Configuration;
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
    private readonly GemmaModel _model;
    private readonly Adapter _adapter;
    private readonly SftConfig _config;
    private readonly PackedDataSet _train;
    private readonly PackedDataSet? _eval;
    private readonly ITrainingObserver _observer;
    private readonly TimeProvider _time;
    private readonly BatchSchedule _schedule;
    private readonly LearningRateSchedule _rates;
    private readonly CheckpointStore _checkpoints;
    private readonly RunLog _log;
    private readonly string _fingerprint;
    private TrainingSetup? _setup;
    private Evaluator? _evaluator;

    /// <summary>Prepares a run; nothing is computed or allocated yet.</summary>
    /// <param name="model">The frozen base; the adapter is attached to it.</param> <param name="adapter">What is trained.</param>
    /// <param name="config">Options.</param> <param name="train">What is trained on.</param> <param name="eval">What is evaluated on,
    /// or null.</param>
    /// <param name="observer">Told how it goes.</param> <param name="time">The clock, null for the system's.</param>
    public SftTrainer(
        GemmaModel model, Adapter adapter, SftConfig config, PackedDataSet train, PackedDataSet? eval = null,
        ITrainingObserver? observer = null, TimeProvider? time = null)
    {
        config.Validate(hasEvaluation: eval is not null);
        (_model, _adapter, _config, _train, _eval) = (model, adapter, config, train, eval);
        _observer = observer ?? new SilentObserver();
        _time = time ?? TimeProvider.System;
        _log = new RunLog(_time, _observer);
        model.Attach(adapter);
        _schedule = new BatchSchedule(train.Count, config);
        _rates = LearningRateSchedule.Of(config, _schedule.TotalSteps);
        _checkpoints = new CheckpointStore(config.OutputDir, config.SaveTotalLimit);
        _fingerprint = train.Fingerprint(config);
    }

    /// <summary>Optimizer steps of the whole run.</summary>
    public int TotalSteps => _schedule.TotalSteps;

    /// <summary>How the run uses memory; null before <see cref="Train"/>.</summary>
    public MemoryPlan? MemoryPlan { get; private set; }

    /// <summary>For tests: a layout of steps instead of the planner's choice.</summary>
    internal StepPlan? FixedSteps { get; set; }

    /// <summary>Trains to the end, or until cancelled: then the step at hand is finished and a checkpoint saved.</summary>
    /// <param name="resumeFrom">A checkpoint folder to go on from, or null to start anew.</param>
    /// <param name="cancellationToken">Asks for an early end.</param>
    /// <returns>The final state; its GlobalStep is below MaxSteps where the run was cancelled.</returns>
    /// <exception cref="LapidaryException">The checkpoint does not belong to this run, or a file cannot be written.</exception>
    public TrainerState Train(string? resumeFrom = null, CancellationToken cancellationToken = default)
    {
        var resumed = resumeFrom is null ? null : ReadState(resumeFrom);
        SetUp(resumed);
        int step = resumed is null ? 0 : Resume(resumeFrom!, resumed);
        _observer.OnStart(Plan(step));
        _log.StartClock();
        long started = _time.GetTimestamp();
        int first = step, saved = step;
        while (step < TotalSteps && !cancellationToken.IsCancellationRequested)
        {
            long stepStarted = _time.GetTimestamp();
            var result = RunStep(step++);
            _log.Count(result);
            if (step % _config.LoggingSteps == 0 || step == TotalSteps) _log.AddSteps(step, _schedule.EpochAfter(step), result);
            _observer.OnStep(Progress(step, first, started, stepStarted, result));
            bool saves = IsDue(_config.SaveStrategy, _config.SaveSteps, step);
            if (IsDue(_config.EvalStrategy, _config.EvalSteps, step)) Evaluate(step, saves);
            if (saves) Save(saved = step);
        }

        if (saved != step && step < TotalSteps) Save(step);
        if (step == TotalSteps && _config.LoadBestModelAtEnd) LoadBest();
        var state = State(step);
        if (step == TotalSteps) SaveModel(state);
        return state;
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

    /// <summary>Plans the run and allocates what it needs.</summary>
    private void SetUp(TrainerState? resumed)
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

    private void Evaluate(int step, bool saves)
    {
        if (_evaluator is null) return;
        var (loss, accuracy) = _evaluator.Run();
        string? checkpoint = saves ? Path.GetFileName(_checkpoints.FolderOf(step)) : null;
        _log.AddEvaluation(step, _schedule.EpochAfter(step), loss, accuracy, checkpoint);
    }

    private void Save(int step) =>
        _observer.OnCheckpoint(_checkpoints.Save(State(step), _adapter, _model, Setup.Optimizer, _log.BestCheckpoint));

    private void SaveModel(TrainerState state)
    {
        _adapter.Save(_config.OutputDir, _model);
        ModelFolder.CopyTokenizer(_model.Folder, _config.OutputDir);
        state.Write(_config.OutputDir);
    }

    private void LoadBest()
    {
        if (_log.BestCheckpoint is not { } name) return;
        _adapter.Restore(Path.Combine(_config.OutputDir, name), _model);
        _observer.OnMessage($"Best checkpoint: {name}, evaluation loss {_log.BestLoss:F4}.");
    }

    private TrainerState ReadState(string folder)
    {
        var state = TrainerState.Read(folder);
        if (state.Fingerprint != _fingerprint)
        {
            throw new LapidaryException(
                $"{folder}: this checkpoint was made with other data, max_length, packing, batch size, accumulation or seed. "
                + "Give the same ones, or start anew with the checkpoint as adapter to train on from its weights.");
        }

        return state;
    }

    private int Resume(string folder, TrainerState state)
    {
        if (state.MaxSteps != TotalSteps && _config.LrSchedulerType is LrSchedulerType.Linear or LrSchedulerType.Cosine)
        {
            _observer.OnMessage(
                $"The run is now {TotalSteps} steps long, before {state.MaxSteps}: the learning rate follows the new length.");
        }

        _adapter.Restore(folder, _model);
        OptimizerFile.Read(folder, Setup.Optimizer, _model.Backend);
        _log.Restore(state);
        return state.GlobalStep;
    }

    private TrainerState State(int step) => _log.State(step, TotalSteps, _schedule.EpochAfter(step), _fingerprint, Memory.Steps);

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

    private sealed class SilentObserver : ITrainingObserver;
}
