namespace Lapidary.Training;

/// <summary>What of a run is pushed to the Hub, and when; the names are transformers'.</summary>
public enum HubStrategy
{
    /// <summary>The final adapter.</summary>
    End,

    /// <summary>The adapter of every checkpoint, and the final one.</summary>
    EverySave,

    /// <summary>As every_save, and the newest checkpoint as the folder last-checkpoint, to go on from.</summary>
    Checkpoint,

    /// <summary>As every_save, and every checkpoint under its own name.</summary>
    AllCheckpoints,
}
