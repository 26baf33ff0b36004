namespace Lapidary.Training.Steps;

/// <summary>The amounts that a run processes at a time.</summary>
internal sealed class RunShape
{
    private readonly Func<int, int> _tokensOfRows;

    private RunShape(EffectiveBatch batch, int stepRows, Func<int, int> tokensOfRows, int evaluationTokens)
    {
        (Batch, _tokensOfRows, EvaluationTokens) = (batch, tokensOfRows, evaluationTokens);
        StepRows = (int)(((long)stepRows + batch.Ranks - 1) / batch.Ranks);
    }

    /// <summary>Rows of a step as the user requested them.</summary>
    public EffectiveBatch Batch { get; }

    /// <summary>Largest number of rows of a rank in an optimizer step.</summary>
    public int StepRows { get; }

    /// <summary>Tokens of the largest evaluation batch; 0 without evaluation.</summary>
    public int EvaluationTokens { get; }

    /// <summary>The texts that an evaluation generates.</summary>
    public GenerationShape Generation { get; private init; }

    /// <summary>The shape of a run over given data.</summary>
    public static RunShape Of(
        SftConfig config, PackedDataSet train, PackedDataSet? evaluation, int worldSize, GenerationShape generation = default) =>
        new(
            EffectiveBatch.Of(config, worldSize),
            Math.Min(train.Count, EffectiveBatch.Of(config, worldSize).Rows),
            train.LargestBatchTokens,
            evaluation?.LargestBatchTokens(config.PerDeviceEvalBatchSize) ?? 0)
        {
            Generation = generation,
        };

    /// <summary>The shape of a run over enough rows of max_length tokens.</summary>
    public static RunShape OfFullRows(SftConfig config, int worldSize, GenerationShape generation = default) =>
        new(
            EffectiveBatch.Of(config, worldSize),
            EffectiveBatch.Of(config, worldSize).Rows,
            rows => (int)Math.Min((long)rows * config.MaxLength, int.MaxValue),
            evaluationTokens: 0)
        {
            Generation = generation,
        };

    /// <summary>Tokens of the largest batch of some rows, padding included.</summary>
    public int Tokens(int rows) => _tokensOfRows(rows);

    /// <summary>Possible numbers of rows per run, largest first: a step in as few even runs as <paramref name="maxTokens"/> tokens allow,
    /// in twice as many, and so on down to single rows.</summary>
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
