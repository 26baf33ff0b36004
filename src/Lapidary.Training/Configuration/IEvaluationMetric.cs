using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Training;

/// <summary>What a run measures at each evaluation besides the loss, by the texts that the model generates. A program gives it to
/// <see cref="SftTrainer.Metric"/>. The ranks of a process may share it, from several threads.</summary>
public interface IEvaluationMetric
{
    /// <summary>Its name, such as "sql_execution". Logs have it as eval_sql_execution, and <see cref="SftConfig.EvalMetric"/> names it to
    /// choose the best checkpoint by it.</summary>
    string Name { get; }

    /// <summary>Whether a larger value is better.</summary>
    bool GreaterIsBetter => true;

    /// <summary>Number of texts that all ranks generate together.</summary>
    int Texts { get; }

    /// <summary>Most tokens of a prompt and its text together. The run reserves memory for texts of this length.</summary>
    int TextLength { get; }

    /// <summary>Measures. It must not change the model, and all ranks must get the same value.</summary>
    /// <param name="engine">Generates with the model and the adapter in training, in reserved memory.</param>
    /// <param name="ranks">The ranks, each of which makes the same call at the same time.</param>
    /// <param name="cancellationToken">Requests an early end of all ranks. It may be cancelled on this rank alone.</param>
    /// <returns>The value; null if a rank was cancelled.</returns>
    double? Measure(GenerationEngine engine, RankGroup ranks, CancellationToken cancellationToken);

    /// <summary>A few of the texts of the last <see cref="Measure"/> on rank 0, the same questions each time. They are stored with the
    /// run, so that people can compare answers before and after; none by default.</summary>
    IReadOnlyList<EvaluationSample> Samples => [];
}
