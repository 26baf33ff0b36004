namespace Lapidary.Engine;

/// <summary>The purpose of memory. Live and peak bytes are counted for each.</summary>
public enum MemoryOwner
{
    /// <summary>Frozen weights of the base model.</summary>
    Base,

    /// <summary>Trained parameters.</summary>
    Parameters,

    /// <summary>Gradients of trained parameters.</summary>
    Gradients,

    /// <summary>Moments of the optimizer.</summary>
    Optimizer,

    /// <summary>Activations and their gradients: the arenas of step programs.</summary>
    Activations,

    /// <summary>Keys and values of generated text.</summary>
    KvCache,

    /// <summary>Scratch memory of operations.</summary>
    Workspace,

    /// <summary>Decoded weights: frozen weights in bf16 that are kept between uses.</summary>
    DecodedWeights,

    /// <summary>Token ids, labels, positions and other inputs of a step.</summary>
    Inputs,

    /// <summary>Buffers of the exchange between ranks.</summary>
    Exchange,
}
