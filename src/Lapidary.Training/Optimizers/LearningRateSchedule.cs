using Lapidary.Formats;

namespace Lapidary.Training;

/// <summary>Shapes of the learning rate over a run, as transformers' get_scheduler defines them.</summary>
public enum LrSchedulerType
{
    /// <summary>The same rate throughout; warm-up is ignored, as in transformers.</summary>
    Constant,

    /// <summary>Rises linearly from 0 during warm-up, then stays.</summary>
    ConstantWithWarmup,

    /// <summary>Rises during warm-up, then falls linearly to 0 at the last step.</summary>
    Linear,

    /// <summary>Rises during warm-up, then falls along half a cosine to 0 at the last step.</summary>
    Cosine,
}

/// <summary>The learning rate of every optimizer step.</summary>
/// <param name="Type">The shape.</param> <param name="LearningRate">Its peak.</param>
/// <param name="WarmupSteps">Steps of warm-up.</param> <param name="TotalSteps">Steps of the whole run.</param>
public sealed record LearningRateSchedule(LrSchedulerType Type, double LearningRate, int WarmupSteps, int TotalSteps)
{
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

    /// <summary>The name in configuration files: constant_with_warmup.</summary>
    public static string NameOf(LrSchedulerType type) => type switch
    {
        LrSchedulerType.Constant => "constant",
        LrSchedulerType.ConstantWithWarmup => "constant_with_warmup",
        LrSchedulerType.Linear => "linear",
        _ => "cosine",
    };

    /// <summary>Reads the name that configuration files use.</summary>
    /// <exception cref="LapidaryException">There is no such schedule.</exception>
    public static LrSchedulerType Parse(string name) => name switch
    {
        "constant" => LrSchedulerType.Constant,
        "constant_with_warmup" => LrSchedulerType.ConstantWithWarmup,
        "linear" => LrSchedulerType.Linear,
        "cosine" => LrSchedulerType.Cosine,
        _ => throw new LapidaryException(
            $"lr_scheduler_type is {name}; expected constant, constant_with_warmup, linear or cosine."),
    };
}
