namespace Lapidary.Training.Configuration;

/// <summary>How rows become examples. Names are those of TRL's SFTConfig; defaults are <see cref="SftConfig"/>'s alone.</summary>
internal sealed record ExampleOptions
{
    /// <summary>max_length: the longest sequence in tokens; what exceeds it is cut off at the end. Null cuts nothing.</summary>
    public required int? MaxLength { get; init; }

    /// <summary>packing and packing_strategy.</summary>
    public required PackingStrategy Packing { get; init; }

    /// <summary>completion_only_loss: train the completion alone; null means where the first row has a prompt and a completion.</summary>
    public required bool? CompletionOnlyLoss { get; init; }

    /// <summary>assistant_only_loss: of conversations, train what the assistant says and the end of its turns alone.</summary>
    public required bool AssistantOnlyLoss { get; init; }

    /// <summary>add_special_tokens: start text, prompt and completion with BOS. Conversations always start with the one their template
    /// writes.</summary>
    public required bool AddSpecialTokens { get; init; }

    /// <summary>append_concat_token: end each example that is not pre-tokenized with EOS if it does not end so; trained where the token
    /// before it is.</summary>
    public required bool AppendConcatToken { get; init; }
}
