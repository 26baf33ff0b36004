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
