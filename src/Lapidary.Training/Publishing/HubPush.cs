namespace Lapidary.Training;

/// <summary>How a run is pushed to the Hub; names and meanings are transformers', but that a repository is private unless told
/// otherwise.</summary>
public sealed record HubPush
{
    /// <summary>Push the result to the Hub while and after it is trained.</summary>
    public bool PushToHub { get; init; }

    /// <summary>Repository to push to: owner/name, or a name of the account's own; the name of output_dir where not given.</summary>
    public string? HubModelId { get; init; }

    /// <summary>What is pushed: end (the final result), every_save (that of every checkpoint too), checkpoint (with the newest one to go
    /// on from) or all_checkpoints.</summary>
    public HubStrategy HubStrategy { get; init; } = HubStrategy.EverySave;

    /// <summary>Whether a repository that is made now is private.</summary>
    public bool HubPrivateRepo { get; init; } = true;
}
