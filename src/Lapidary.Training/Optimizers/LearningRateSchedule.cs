namespace Lapidary.Training.Optimizers;

/// <summary>The learning rate of every optimizer step.</summary>
/// <param name="Type">The shape.</param>
/// <param name="LearningRate">The peak.</param>
/// <param name="WarmupSteps">Steps of warm-up.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
internal sealed record LearningRateSchedule(LrSchedulerType Type, double LearningRate, int WarmupSteps, int TotalSteps)
{
    /// <summary>The schedule of a run. The warm-up ratio applies if no steps are given; it is rounded up as in transformers.</summary>
    public static LearningRateSchedule Of(SftConfig config, int totalSteps)
    {
        int warmup = config.WarmupSteps > 0 ? config.WarmupSteps : (int)Math.Ceiling(config.WarmupRatio * totalSteps);
        return new(config.LrSchedulerType, config.LearningRate, warmup, totalSteps);
    }

    /// <summary>Rate of an optimizer step.</summary>
    /// <param name="step">0 for the first.</param>
    public double At(int step) => LearningRate * Factor(step);

    private double Factor(int step)
    {
        if (Type == LrSchedulerType.Constant) return 1;
        if (step < WarmupSteps) return (double)step / Math.Max(1, WarmupSteps);
        if (Type == LrSchedulerType.ConstantWithWarmup) return 1;
        double span = Math.Max(1, TotalSteps - WarmupSteps);
        return Type == LrSchedulerType.Linear
            ? Math.Max(0, (TotalSteps - step) / span)
            : Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * ((step - WarmupSteps) / span))));
    }
}
