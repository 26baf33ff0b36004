namespace Lapidary.Training.Steps;

/// <summary>How much a run puts through the model at a time.</summary>
internal sealed class RunShape
{
    private readonly Func<int, int> _tokensOfRows;

    private RunShape(int batchRows, int stepRows, Func<int, int> tokensOfRows, int evaluationTokens) =>
        (BatchRows, StepRows, _tokensOfRows, EvaluationTokens) = (batchRows, stepRows, tokensOfRows, evaluationTokens);

    /// <summary>Rows of a micro-batch, as the user asked for them.</summary>
    public int BatchRows { get; }

    /// <summary>Rows of the largest optimizer step.</summary>
    public int StepRows { get; }

    /// <summary>Tokens of the largest batch of evaluation; 0 without one.</summary>
    public int EvaluationTokens { get; }

    /// <summary>The shape that data give a run.</summary>
    public static RunShape Of(SftConfig config, PackedDataSet train, PackedDataSet? evaluation) => new(
        config.PerDeviceTrainBatchSize,
        Math.Min(train.Count, new BatchSchedule(train.Count, config).RowsPerStep),
        train.LargestBatchTokens,
        evaluation?.LargestBatchTokens(config.PerDeviceEvalBatchSize) ?? 0);

    /// <summary>The shape of a run over enough rows of max_length tokens.</summary>
    public static RunShape OfFullRows(SftConfig config) => new(
        config.PerDeviceTrainBatchSize,
        checked(config.PerDeviceTrainBatchSize * config.GradientAccumulationSteps),
        rows => (int)Math.Min((long)rows * config.MaxLength, int.MaxValue),
        evaluationTokens: 0);

    /// <summary>Tokens of the largest batch of some rows, padding included.</summary>
    public int Tokens(int rows) => _tokensOfRows(rows);

    /// <summary>Numbers of rows that may run at a time, largest first: a step in as few even runs as <paramref name="maxTokens"/> tokens
    /// allow, in twice as many, and so on down to single rows.</summary>
    public IEnumerable<int> RowsPerRun(int maxTokens)
    {
        int runs = 1;
        while (RowsIn(runs) is > 1 and var rows && Tokens(rows) > maxTokens) runs++;
        for (int last = 0; ; runs *= 2)
        {
            int rows = RowsIn(runs);
            if (rows != last) yield return last = rows;
            if (rows == 1) yield break;
        }
    }

    private int RowsIn(int runs) => (StepRows + runs - 1) / runs;
}
