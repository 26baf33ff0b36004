namespace Lapidary.Training.Configuration;

/// <summary>How rows become examples. Names follow TRL's SFTConfig; only <see cref="SftConfig"/> has defaults.</summary>
internal sealed record ExampleOptions
{
    /// <summary>max_length: the longest sequence in tokens. Longer sequences are cut at the end. Null cuts nothing.</summary>
    public required int? MaxLength { get; init; }

    /// <summary>packing and packing_strategy.</summary>
    public required PackingStrategy Packing { get; init; }

    /// <summary>completion_only_loss: train only the completion. Null means true if the first row has a prompt and a completion.</summary>
    public required bool? CompletionOnlyLoss { get; init; }

    /// <summary>assistant_only_loss: in conversations, train only the assistant's text and the end of its turns.</summary>
    public required bool AssistantOnlyLoss { get; init; }

    /// <summary>add_special_tokens: start text, prompt and completion with BOS. A conversation always starts with the BOS that its template
    /// writes.</summary>
    public required bool AddSpecialTokens { get; init; }

    /// <summary>append_concat_token: end each example with EOS unless it already ends with it or is pre-tokenized. The EOS is trained if
    /// the token before it is.</summary>
    public required bool AppendConcatToken { get; init; }
}
