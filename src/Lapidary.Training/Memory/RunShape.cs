using Lapidary.Engine;

namespace Lapidary.Training;

/// <summary>How much a run puts through the model at a time.</summary>
internal sealed class RunShape
{
    private readonly Func<int, int> _tokensOfRows;
    private readonly SftConfig _config;

    private RunShape(SftConfig config, int microBatches, Func<int, int> tokensOfRows, int evaluationTokens) =>
        (_config, MicroBatches, _tokensOfRows, EvaluationTokens) = (config, microBatches, tokensOfRows, evaluationTokens);

    /// <summary>Micro-batches of an optimizer step.</summary>
    public int MicroBatches { get; }

    /// <summary>Tokens of the largest batch of evaluation; 0 without one.</summary>
    public int EvaluationTokens { get; }

    /// <summary>The shape that data give a run.</summary>
    public static RunShape Of(SftConfig config, TrainingRows train, TrainingRows? evaluation) => new(
        config,
        new BatchSchedule(train.Count, config).LargestStep,
        train.LargestBatchTokens,
        evaluation?.LargestBatchTokens(config.PerDeviceEvalBatchSize) ?? 0);

    /// <summary>The shape of a run over enough rows of max_length tokens.</summary>
    public static RunShape OfFullRows(SftConfig config) => new(
        config, config.GradientAccumulationSteps, rows => checked(rows * config.MaxLength), evaluationTokens: 0);

    /// <summary>Tokens of the largest program.</summary>
    public int Tokens(int mergedMicroBatches) => _tokensOfRows(checked(mergedMicroBatches * _config.PerDeviceTrainBatchSize));

    /// <summary>The numbers of micro-batches that may run as one, largest first: those that cut a step into 1, 2, 3 … runs of at most
    /// <paramref name="maxTokens"/> tokens, and 1.</summary>
    public IEnumerable<int> Merges(int maxTokens)
    {
        for (int runs = 1, last = 0; runs < MicroBatches; runs++)
        {
            int merged = (MicroBatches + runs - 1) / runs;
            if (merged == 1) break;
            if (merged == last || Tokens(merged) > maxTokens) continue;
            yield return last = merged;
        }

        yield return 1;
    }
}
