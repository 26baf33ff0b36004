using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.TextToSql.Demo;

/// <summary>The accuracy before and after training, for the run's record. What the demonstration measured before is not measured
/// again.</summary>
/// <param name="evaluation">The test questions.</param>
/// <param name="before">The scores before training.</param>
/// <param name="onAfter">Called when the questions are asked again.</param>
/// <param name="progress">Receives the number of answers.</param>
internal sealed class DemoMetric(
    SqlEvaluation evaluation, IReadOnlyList<SqlScore> before, Action onAfter, IProgress<WorkProgress> progress) : IEvaluationMetric
{
    private bool _isTrained;

    /// <inheritdoc/>
    public string Name => evaluation.Name;

    /// <inheritdoc/>
    public int Texts => evaluation.Texts;

    /// <inheritdoc/>
    public int TextLength => evaluation.TextLength;

    /// <inheritdoc/>
    public IReadOnlyList<EvaluationSample> Samples { get; private set; } = [];

    /// <summary>The scores after training; empty until then.</summary>
    public IReadOnlyList<SqlScore> After { get; private set; } = [];

    /// <inheritdoc/>
    public double? Measure(GenerationEngine engine, RankGroup ranks, CancellationToken cancellationToken)
    {
        if (!_isTrained)
        {
            _isTrained = true; // the next time
            return Take(before);
        }

        onAfter();
        try
        {
            if (evaluation.Run(engine, progress, cancellationToken) is not { } scores) return null;
            After = scores;
            return Take(scores);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private double Take(IReadOnlyList<SqlScore> scores)
    {
        Samples = evaluation.SamplesOf(scores);
        return SqlAccuracy.Of(scores).ExecutionAccuracy;
    }
}
