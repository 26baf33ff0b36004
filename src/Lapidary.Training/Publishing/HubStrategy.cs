namespace Lapidary.Training;

/// <summary>Which parts of a run are pushed to the Hub, and when. The names follow transformers.</summary>
public enum HubStrategy
{
    /// <summary>The final adapter or model.</summary>
    End,

    /// <summary>The adapter or model of every checkpoint, and the final one.</summary>
    EverySave,

    /// <summary>As every_save, plus the newest checkpoint in the folder last-checkpoint, for resuming.</summary>
    Checkpoint,

    /// <summary>As every_save, plus every checkpoint under its name.</summary>
    AllCheckpoints,
}
