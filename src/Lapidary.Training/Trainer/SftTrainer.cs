using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Logging;
using Lapidary.Training.Manifests;
using Lapidary.Training.Optimizers;
using Lapidary.Training.Steps;
using Lapidary.Training.Trainer;

namespace Lapidary.Training;

/// <summary>Supervised fine-tuning of an adapter or of all weights: the loop over optimizer steps, with logs, evaluations and
/// checkpoints.</summary>
/// <remarks>
/// <para>The loss of an optimizer step is the sum over trained tokens divided by their number in the whole step. So rows per micro-batch ×
/// micro-batches × ranks (8×1×1, 2×2×2, 1×1×8) give the same losses except for rounding. A run is a function of data, options, seed and
/// number of ranks: a stopped and resumed run gives the same bits as an uninterrupted one.</para>
/// <para>Ranks. Each rank has a separate trainer, with the same model, trained weights, data and options; all ranks call the same methods.
/// Only rank 0 uses the output folder and logs; the other ranks receive from it what it reads of a checkpoint.</para>
/// </remarks>
public sealed partial class SftTrainer : IDisposable
{
    /// <summary>Instead of a checkpoint's folder: the newest of the output folder.</summary>
    public const string LatestCheckpoint = RunNames.Latest;

    private readonly GemmaModel _model;
    private readonly TrainedWeights _weights;
    private readonly SftConfig _config;
    private readonly PackedDataSet _train;
    private readonly PackedDataSet? _eval;
    private readonly TimeProvider _time;
    private readonly ICommunicator _communicator;
    private readonly RankAgreement _agreement;
    private readonly BatchSchedule _schedule;
    private ITrainingObserver _observer;
    private RunLog _log;
    private PendingIdentity? _identity;
    private TrainingSetup? _setup;
    private RunEvaluation? _evaluation;
    private RunManifest? _manifest;

    /// <summary>Prepares a run; computes and allocates nothing yet.</summary>
    /// <param name="model">The base; the trained weights are attached to it.</param>
    /// <param name="weights">What to train: an <see cref="Adapter"/>, or <see cref="FullWeights"/>.</param>
    /// <param name="config">Options; <see cref="SftConfig.ForRanks"/> is applied to them.</param>
    /// <param name="train">The training set.</param>
    /// <param name="eval">The evaluation set, or null.</param>
    /// <param name="observer">Receives the progress. Its exceptions do not end the run; see <see cref="ObserverGroup"/>. On ranks above 0,
    /// it receives only steps, not logs, checkpoints and messages.</param>
    /// <param name="time">The clock; null for the system clock.</param>
    /// <param name="communicator">Connects the ranks that train together; null for a single rank.</param>
    public SftTrainer(
        GemmaModel model, TrainedWeights weights, SftConfig config, PackedDataSet train, PackedDataSet? eval = null,
        ITrainingObserver? observer = null, TimeProvider? time = null, ICommunicator? communicator = null)
    {
        config.Validate(hasEvaluation: eval is not null);
        _communicator = communicator ?? SilentCommunicator.Solo;
        _agreement = new RankAgreement(Ranks);
        (_model, _weights, _config, _train, _eval) = (model, weights, config.ForRanks(Ranks.WorldSize), train.Share(), eval?.Share());
        _observer = observer is null ? new ObserverGroup() : new ObserverGroup(observer);
        _time = time ?? TimeProvider.System;
        _log = NewLog();
        model.Attach(weights);
        _schedule = new BatchSchedule(train.Count, _config, Ranks.WorldSize);
        var rates = LearningRateSchedule.Of(_config, _schedule.TotalSteps);
        Runner = new StepRunner(model, weights, _config, _train, _schedule, rates, _communicator);
    }

    /// <summary>Optimizer steps of the whole run.</summary>
    public int TotalSteps => _schedule.TotalSteps;

    /// <summary>Its tokenizer and chat template are saved with the result and with each checkpoint; null saves the model's.</summary>
    public ITextEncoder? Encoder { get; init; }

    /// <summary>Names of the training data sets for the model card, which shows those that are ids of the Hub.</summary>
    public IReadOnlyList<string> DataSets { get; init; } = [];

    /// <summary>What evaluations measure besides the loss, by generated texts; null for nothing. The best checkpoint is chosen by it if
    /// <see cref="SftConfig.EvalMetric"/> is its name.</summary>
    public IEvaluationMetric? Metric { get; init; }

    /// <summary>Pushes the run to the Hub; null for no push. Only rank 0's is used. The caller creates and disposes it.</summary>
    public HubPublisher? Publisher { get; init; }

    /// <summary>The planned use of memory; null before <see cref="Train(string?, CancellationToken)"/>.</summary>
    public MemoryPlan? MemoryPlan { get; private set; }

    /// <summary>Whether the run reached its end and its result is in the output folder; false after cancellation.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Runs the steps.</summary>
    internal StepRunner Runner { get; }

    /// <summary>For tests: a layout of steps that replaces the planner's choice.</summary>
    internal StepPlan? FixedSteps { get; set; }

    /// <summary>The content of run.yaml, for a caller that knows more than the trainer; null writes the values that the trainer was
    /// given.</summary>
    internal IEnumerable<KeyValuePair<string, string>>? Settings { get; set; }

    /// <summary>The hashes of the manifest whose job this run repeats; null for any other run. A resumed run is compared with its
    /// checkpoint instead.</summary>
    internal RecordedHashes? Expected { get; set; }

    private RankGroup Ranks => _communicator.Ranks;

    private MemoryPlan Memory => MemoryPlan ?? throw new InvalidOperationException("The run is not set up yet.");

    private TrainingSetup Setup => _setup ?? throw new InvalidOperationException("The run is not set up yet.");

    /// <summary>Trains to the end or until cancelled. On cancellation, the current step is finished and a checkpoint is saved. The output
    /// folder receives checkpoints, run.yaml, TensorBoard events and, at the end, the adapter or the model. A folder that already holds a
    /// run is refused, unless this run resumes it or overwrite_output_dir is set. The folder does not change before everything else was
    /// accepted. A second call starts with the weights of the first one.</summary>
    /// <param name="resumeFrom">A checkpoint folder to resume from, <see cref="LatestCheckpoint"/>, or null to start over; rank 0's value
    /// is used.</param>
    /// <param name="cancellationToken">Requests an early end, for all ranks.</param>
    /// <returns>The state at the end; <see cref="IsComplete"/> tells whether the run is complete.</returns>
    /// <exception cref="LapidaryException">The output folder is in use or holds another run, the checkpoint does not belong to this run,
    /// ranks were started differently, or a file cannot be written.</exception>
    public TrainerState Train(string? resumeFrom = null, CancellationToken cancellationToken = default)
    {
        if (!Ranks.IsLeader) return Train(folder: null, cancellationToken);
        string[] inputs = _model.Folder.Length > 0 ? [_model.Folder] : [];
        using var folder = RunFolder.Open(_config, resumeFrom, MethodFiles.Of(_weights), _observer.OnMessage, inputs);
        return Train(folder, cancellationToken);
    }

    /// <summary>Trains in a folder that the caller opened: only on rank 0.</summary>
    internal TrainerState Train(RunFolder? folder, CancellationToken cancellationToken)
    {
        if (Ranks.IsLeader != (folder is not null)) throw new ArgumentException("Rank 0 has the folder, and no other.", nameof(folder));
        RunEvaluation.Require(_config, Metric, hasRows: _eval is not null);
        using var request = Ranks.WorldSize == 1 ? default : cancellationToken.Register(Ranks.RequestStop);
        using var identity = _identity = new PendingIdentity(_model, _weights, _config, _train, _eval, Ranks.WorldSize);
        int step = Prepare(folder);
        using var events = _config.ReportTo == ReportTo.Tensorboard && folder is not null
            ? new TensorBoardObserver(Path.Combine(_config.OutputDir, RunNames.Events), _time)
            : null;
        var told = _observer;
        if (events is not null) _observer = new ObserverGroup(_observer, events);
        if (folder is not null) _observer = new ObserverGroup(_observer, new SampleFile(_config.OutputDir));
        events?.Begin(folder!.Settings);
        using var activity = TrainingTelemetry.Start(_model.Name, _config.OutputDir, TotalSteps);
        try
        {
            if (folder is not null) _log.Observer = _observer;
            var state = Run(folder, step, cancellationToken);
            _manifest?.End(state, IsComplete, _model.Backend.Memory.PeakBytes);
            _manifest = null;
            events?.End(IsComplete);
            if (folder is not null) EndPublishing(folder, state, cancellationToken);
            return state;
        }
        catch (Exception e)
        {
            _setup?.EndGatherAfterError();
            TrainingTelemetry.Fail(activity, e);
            _manifest?.Fail(e);
            events?.End(isComplete: false);
            throw;
        }
        finally
        {
            (_manifest, _observer) = (null, told);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _setup?.Dispose();
        _setup = null;
        if (_owned is null) return;
        if (ReferenceEquals(_model.Trained, _owned)) _model.Attach(null);
        _owned.Dispose();
    }

    private TrainerState Run(RunFolder? folder, int step, CancellationToken cancellationToken)
    {
        _observer.OnStart(new(_train.Count, _schedule.StepsPerEpoch, step, TotalSteps, _weights.ParameterCount, Memory));
        if (Publisher is not null && _weights is Adapter adapter)
            HubPublisher.Announce(adapter.ConfigOver(_model), _observer);
        long started = _time.GetTimestamp();
        int first = step, saved = step;

        // A run that was stopped during an evaluation repeats it first.
        bool stops = _agreement.Any(_agreement.IsAskedToStop(cancellationToken));
        bool goesOn = _log.IsEvaluated(first) || _evaluation?.IsDue(first) != true
            || Evaluate(first, first > 0 && _schedule.IsDue(_config.SaveStrategy, _config.SaveSteps, first), stops, cancellationToken);
        while (goesOn && step < TotalSteps && !(Ranks.WorldSize == 1 ? cancellationToken.IsCancellationRequested : stops))
        {
            long stepStarted = _time.GetTimestamp();
            int? scale = Runner.Scale.Exponent;
            (var result, stops) = Runner.Run(
                Setup, step, Memory.Steps.RowsPerRun, isFirst: step == first, _agreement.IsAskedToStop(cancellationToken));
            step++;
            bool saves = _schedule.IsDue(_config.SaveStrategy, _config.SaveSteps, step);
            bool goesOnAtOnce = step < TotalSteps && !stops && !saves && _evaluation?.IsDue(step) != true;
            if (!goesOnAtOnce) Setup.Optimizer.EndGather(); // what comes next reads all weights
            if (Ranks.IsLeader && Runner.Scale.Exponent < scale) _observer.OnMessage(Runner.Scale.Repeated(step));
            var time = _time.GetElapsedTime(stepStarted);
            _log.Count(result, time);
            if (step % _config.LoggingSteps == 0 || step == TotalSteps) _log.AddSteps(step, _schedule.EpochAfter(step), result);
            var progress = Progress(step, first, started, time, result);
            _observer.OnStep(progress);
            if (Ranks.IsLeader) TrainingTelemetry.OnStep(progress, result.Tokens, result.GradNorm, _config.OutputDir);
            Publisher?.Tell(_observer);
            goesOn = _evaluation?.IsDue(step) != true || Evaluate(step, saves, stops, cancellationToken);
            if (saves) Save(folder, saved = step);
        }

        bool isComplete = goesOn && step == TotalSteps;
        if (saved != step && !isComplete) Save(folder, step);
        if (isComplete && _config.LoadBestModelAtEnd) LoadBest(folder);
        var state = State(step);
        if (isComplete) Complete(folder, state);
        _agreement.Meet(); // nobody takes a run for done that rank 0 could not save
        IsComplete = isComplete;
        return state;
    }

    private TrainingProgress Progress(int step, int first, long started, TimeSpan time, in OptimizerStepResult result) => new(
        step, TotalSteps, _schedule.EpochAfter(step), result.Loss, result.LearningRate,
        result.Tokens / time.TotalSeconds,
        _time.GetElapsedTime(started) * ((double)(TotalSteps - step) / (step - first)));

    /// <summary>Evaluates.</summary>
    /// <returns>False if it was cancelled, or not started because all ranks are about to end.</returns>
    private bool Evaluate(int step, bool saves, bool stops, CancellationToken cancellationToken)
    {
        if (stops && Ranks.WorldSize > 1) return false;
        if (_evaluation!.Run(step, cancellationToken) is not { } entry) return false;
        _log.AddEvaluation(entry, saves ? RunFolder.NameOf(step) : null);
        if (Metric?.Samples is { Count: > 0 } samples && Ranks.IsLeader) _observer.OnSamples(step, samples);
        if (Ranks.IsLeader) TrainingTelemetry.OnEvaluation(entry.EvalLoss!.Value, _config.OutputDir);
        return true;
    }

    private TrainerState State(int step) =>
        _log.State(step, TotalSteps, _schedule.EpochAfter(step), _config) with { LossScale = Runner.Scale.Kept };
}
