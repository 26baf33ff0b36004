using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Hosting;

/// <summary>The model that answers, and its device. Clients with the same model, adapter, device and limits share one model, which is
/// loaded once, and one <see cref="GenerationEngine"/>. Clients with other adapters share the base's weights, and its steps where adapters
/// are LoRA alone and the limits are the same.</summary>
public sealed class LapidaryChatClientOptions
{
    /// <summary>A Hugging Face folder of Gemma 3, such as a merged model, or a Hub id.</summary>
    public string Model { get; set; } = "";

    /// <summary>A LoRA adapter for the model, as a folder or an id; null for none.</summary>
    public string? Adapter { get; set; }

    /// <summary>The folder or id of the tokenizer and chat template; null for the adapter's, else the model's.</summary>
    public string? Tokenizer { get; set; }

    /// <summary>"auto", "cpu", "cuda" or "cuda:N".</summary>
    public string Device { get; set; } = "auto";

    /// <summary>Whether the model's projections are held in 4 bits. An adapter trained on NF4 fits the model in NF4.</summary>
    public QuantizationKind Quantization { get; set; } = QuantizationKind.None;

    /// <summary>The type that a GPU computes in: BFloat16, or Float16; null for the card's own. The CPU computes in Float32 either
    /// way.</summary>
    public DType? ActivationDType { get; set; }

    /// <summary>Most answers that are generated at the same time; 0 for the device's number. If memory is short, there are fewer.</summary>
    public int MaxConcurrentAnswers { get; set; }

    /// <summary>Most answers that may wait for one of those. One more is refused with a LapidaryException.</summary>
    public int MaxWaitingAnswers { get; set; } = 1000;

    /// <summary>The model's name in answers and metrics; null for the name of its folder.</summary>
    public string? ModelId { get; set; }

    /// <summary>Whether to load the model when the host starts. The host does not wait for it; requests wait, and the health check reports
    /// the state. False loads it with the first request; if it cannot be loaded then, the next request tries again.</summary>
    public bool LoadAtStart { get; set; } = true;
}
