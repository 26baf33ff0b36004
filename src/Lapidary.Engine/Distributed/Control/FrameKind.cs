namespace Lapidary.Engine.Distributed.Control;

/// <summary>The kinds of messages on the control channel.</summary>
internal enum FrameKind : byte
{
    /// <summary>Member to leader: who it is.</summary>
    Hello = 1,

    /// <summary>Leader to member: a nonce, and the proof that it knows the secret.</summary>
    Challenge,

    /// <summary>Member to leader: the proof that it knows the secret.</summary>
    Proof,

    /// <summary>Either way: why the other is refused.</summary>
    Refused,

    /// <summary>Leader to member: all ranks are there; their hosts.</summary>
    Welcome,

    /// <summary>Either way: the sender lives; a member says what it does.</summary>
    Beat,

    /// <summary>Either way: somebody asks for an end.</summary>
    Stop,

    /// <summary>Member to leader: a piece of what it gives to a gather.</summary>
    Part,

    /// <summary>Leader to member: a piece of what a rank gave.</summary>
    Result,

    /// <summary>Member to leader: why it ends.</summary>
    Failed,

    /// <summary>Leader to member: why all end.</summary>
    Lost,

    /// <summary>Either way: a last message has come.</summary>
    Ack,

    /// <summary>Either way: the sender is done.</summary>
    Bye,
}
