using Lapidary.Gemma;

namespace Lapidary.Hosting;

/// <summary>Which model answers, and where it runs. Clients whose options name the same model, adapter and device share one that is loaded
/// once.</summary>
public sealed class LapidaryChatClientOptions
{
    /// <summary>A Hugging Face folder of Gemma 3, such as a merged model, or an id of the Hub.</summary>
    public string Model { get; set; } = "";

    /// <summary>A LoRA adapter on the model, as a folder or an id; null for none.</summary>
    public string? Adapter { get; set; }

    /// <summary>Whose tokenizer and chat template are used; null for the adapter's, else the model's.</summary>
    public string? Tokenizer { get; set; }

    /// <summary>"auto", "cpu", "cuda" or "cuda:N".</summary>
    public string Device { get; set; } = "auto";

    /// <summary>Whether the model's projections are held in 4 bits. An adapter that was trained on NF4 fits the model in NF4.</summary>
    public QuantizationKind Quantization { get; set; } = QuantizationKind.None;

    /// <summary>What the client calls the model in answers and metrics; null for the name of its folder.</summary>
    public string? ModelId { get; set; }

    /// <summary>Load the model when the host starts, which does not wait for it: requests do, and the health check tells. False to load it
    /// with the first request.</summary>
    public bool LoadAtStart { get; set; } = true;
}
