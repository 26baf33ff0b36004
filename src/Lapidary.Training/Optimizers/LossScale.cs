using Lapidary.Engine;

namespace Lapidary.Training.Optimizers;

/// <summary>The power of two that the loss of a step is multiplied by, so that gradients in fp16 are neither lost nor infinite. The update
/// sees the true gradients. No power belongs to other activations: their loss is divided by the trained tokens at once.</summary>
/// <remarks>A step whose gradients are not finite is run again with a smaller power, so that no step is lost. Powers between 2^-4 and 2^12
/// differ in the bits of tiny values only: the power is state, not a setting.</remarks>
internal sealed class LossScale
{
    /// <summary>The first exponent, and how far it may move.</summary>
    public const int Start = 5, Least = -9, Most = 10;

    /// <summary>Steps in a row without a repetition after which the exponent grows by one.</summary>
    public const int GrowthInterval = 2000;

    /// <summary>What a step that is run again takes off the exponent.</summary>
    private const int Backoff = 2;

    private LossScaleState? _ofEarlierSteps;
    private bool _isRepeating;

    private LossScale(int? exponent) => Exponent = exponent;

    /// <summary>The exponent; null where losses are not scaled.</summary>
    public int? Exponent { get; private set; }

    /// <summary>Steps in a row without a repetition.</summary>
    public int CleanSteps { get; private set; }

    /// <summary>Steps of the run that were run again, once or more often.</summary>
    public int RepeatedSteps { get; private set; }

    /// <summary>The scale at the beginning of a run.</summary>
    /// <param name="activations">Their type.</param>
    /// <param name="exponent">For tests: an exponent for any type; null for the type's own.</param>
    public static LossScale Of(DType activations, int? exponent = null) =>
        new(exponent ?? (activations == DType.Float16 ? Start : null));

    /// <summary>What a checkpoint holds of it, also where these steps are not scaled and earlier ones of the run were: a later device may
    /// scale them again.</summary>
    public LossScaleState? Kept => Exponent is { } exponent ? new(exponent, CleanSteps, RepeatedSteps) : _ofEarlierSteps;

    /// <summary>Goes on where another run was. Without a scale, it stays without, and keeps that run's.</summary>
    public void Restore(LossScaleState state)
    {
        if (Exponent is null) _ofEarlierSteps = state;
        else (Exponent, CleanSteps, RepeatedSteps) = (state.Exponent, state.CleanSteps, state.RepeatedSteps);
    }

    /// <summary>What the gradient of each trained token's loss begins with.</summary>
    /// <param name="trained">Trained tokens of the whole optimizer step.</param>
    public float Seed(int trained) => Exponent is { } e ? MathF.ScaleB(1, e) : Mean(trained);

    /// <summary>What makes the gradients that the seed gave those of the mean loss.</summary>
    /// <param name="trained">Trained tokens of the whole optimizer step.</param>
    public float ToGradients(int trained) => Exponent is { } e ? MathF.ScaleB(Mean(trained), -e) : 1;

    /// <summary>Lowers the scale after gradients that are not finite; false if it cannot be lower.</summary>
    public bool TryLower()
    {
        if (Exponent is not { } e || e - Backoff < Least) return false;
        (Exponent, CleanSteps, _isRepeating) = (e - Backoff, 0, true);
        return true;
    }

    /// <summary>Counts a step whose gradients were finite, at once or at last.</summary>
    public void CountClean()
    {
        if (_isRepeating) RepeatedSteps++;
        _isRepeating = false;
        if (Exponent is not { } e || ++CleanSteps < GrowthInterval) return;
        CleanSteps = 0;
        if (e < Most) Exponent = e + 1;
    }

    /// <summary>A message about a step that was run again.</summary>
    public string Repeated(int step) =>
        $"Step {step} was run again with a loss scale of 2^{Exponent}, because its gradients were not finite. Nothing of it is lost.";

    private static float Mean(int trained) => trained == 0 ? 0 : 1f / trained;
}

/// <summary>What a checkpoint holds of a <see cref="LossScale"/>.</summary>
/// <param name="Exponent">Of the power of two.</param>
/// <param name="CleanSteps">Steps in a row without a repetition.</param>
/// <param name="RepeatedSteps">Steps of the run that were run again.</param>
internal readonly record struct LossScaleState(int Exponent, int CleanSteps, int RepeatedSteps);
