namespace Lapidary.Training;

/// <summary>Writes every log entry of a run as TensorBoard scalars, tagged as transformers does: train/loss, eval/loss and so on.</summary>
/// <param name="writer">Where to; stays the caller's.</param>
public sealed class TensorBoardObserver(TensorBoardWriter writer) : ITrainingObserver
{
    /// <inheritdoc/>
    public void OnLog(LogEntry entry)
    {
        (string Tag, double? Value)[] scalars =
        [
            ("train/loss", entry.Loss),
            ("train/grad_norm", entry.GradNorm),
            ("train/learning_rate", entry.LearningRate),
            ("train/num_tokens", entry.NumTokens),
            ("train/tokens_per_second", entry.TokensPerSecond),
            ("train/mean_token_accuracy", entry.MeanTokenAccuracy),
            ("eval/loss", entry.EvalLoss),
            ("eval/mean_token_accuracy", entry.EvalMeanTokenAccuracy),
            ("train/epoch", entry.Epoch),
        ];
        writer.Write(entry.Step, [.. scalars.Where(scalar => scalar.Value is not null).Select(scalar => (scalar.Tag, scalar.Value!.Value))]);
    }
}
