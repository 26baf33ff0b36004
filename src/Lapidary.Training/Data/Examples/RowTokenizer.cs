using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training.Configuration;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Examples;

/// <summary>Converts a row to an example, before truncation. Thread-safe.</summary>
/// <param name="encoder">Tokenizer and chat template; may be null for pre-tokenized rows.</param>
/// <param name="vocabularySize">Rows of the model's embedding: all ids must be smaller.</param>
/// <param name="options">Label rules.</param>
/// <param name="completionOnly">completion_only_loss with its default resolved.</param>
internal sealed class RowTokenizer(ITextEncoder? encoder, int vocabularySize, ExampleOptions options, bool completionOnly)
{
    /// <summary>Tokenizes a row.</summary>
    /// <returns>Its example, and whether the prompt's ids alone differ from the start of the whole.</returns>
    /// <exception cref="LapidaryException">The row does not fit the options or the template, or the model has no embedding for one of its
    /// ids; the message names the row.</exception>
    public (Example Example, bool PrefixMismatch) Tokenize(DataRow row)
    {
        var (example, mismatch) = row is TokensRow tokens ? (FromTokens(tokens), false) : FromWords(row);
        CheckRange(example, row.Origin);
        return (example, mismatch);
    }

    /// <summary>Pre-tokenized rows keep their ids and their end; only their masks are applied.</summary>
    private Example FromTokens(TokensRow row)
    {
        if (options.CompletionOnlyLoss == true && row.CompletionMask is null)
            throw row.Origin.Error("CompletionOnlyLoss expects completion_mask beside input_ids, found none; leave the option out.");
        if (options.AssistantOnlyLoss && row.AssistantMask is null)
            throw row.Origin.Error("AssistantOnlyLoss expects assistant_masks beside input_ids, found none; leave the option out.");
        var example = new Example(row.InputIds, row.Labels ?? row.InputIds);
        if (options.CompletionOnlyLoss != false && row.CompletionMask is { } completion) example = Masked(example, completion);
        return options.AssistantOnlyLoss ? Masked(example, row.AssistantMask!) : example;
    }

    private static Example Masked(Example example, bool[] mask)
    {
        var (ids, labels) = example;
        return new(ids, [.. labels.Select((label, i) => mask[i] ? label : Label.None)]);
    }

    private (Example Example, bool PrefixMismatch) FromWords(DataRow row)
    {
        if (encoder is null) throw row.Origin.Error("text expects a tokenizer, found none; put tokenizer.json into the model's folder.");
        var (example, mismatch) = row switch
        {
            MessagesRow messages => (FromMessages(messages, encoder), false),
            TextRow text => (FromText(text, encoder), false),
            PromptCompletionRow pair => FromPair(pair, encoder),
            ConversationalPromptRow pair => FromConversation(pair, encoder),
            _ => throw row.Origin.Error($"expected a known kind of row, found {row.GetType().Name}."),
        };
        return (options.AppendConcatToken ? WithEnd(example, encoder.EosTokenId) : example, mismatch);
    }

    private Example FromMessages(MessagesRow row, ITextEncoder encoder) => completionOnly
        ? throw row.Origin.Error("CompletionOnlyLoss expects prompt and completion, found messages; use AssistantOnlyLoss.")
        : FromChat(row.Origin, row.Messages, row.TemplateVariables, encoder);

    private Example FromText(TextRow row, ITextEncoder encoder)
    {
        if (completionOnly) throw row.Origin.Error("CompletionOnlyLoss expects prompt and completion, found text; leave the option out.");
        RefuseAssistantOnly(row.Origin, "text");
        int[] ids = EncodeText(WithEos(row.Text, encoder), encoder);
        return new(ids, ids);
    }

    private (Example, bool) FromPair(PromptCompletionRow row, ITextEncoder encoder)
    {
        RefuseAssistantOnly(row.Origin, "prompt and completion");
        int[] prompt = EncodeText(row.Prompt, encoder);
        int[] ids = EncodeText(row.Prompt + WithEos(row.Completion, encoder), encoder);
        return WithCompletion(new(ids, ids), prompt);
    }

    private (Example, bool) FromConversation(ConversationalPromptRow row, ITextEncoder encoder)
    {
        int[] prompt = Located(
            row.Origin, () => encoder.EncodeChat(row.Prompt, addGenerationPrompt: true, row.TemplateVariables));
        return WithCompletion(FromChat(row.Origin, [.. row.Prompt, .. row.Completion], row.TemplateVariables, encoder), prompt);
    }

    /// <summary>Masks as many tokens as the prompt has when it is tokenized alone.</summary>
    private (Example, bool) WithCompletion(Example whole, int[] prompt)
    {
        bool mismatch = !whole.InputIds.AsSpan().StartsWith(prompt);
        if (!completionOnly) return (whole, mismatch);
        int[] masked = (int[])whole.Labels.Clone();
        masked.AsSpan(0, Math.Min(prompt.Length, masked.Length)).Fill(Label.None);
        return (whole with { Labels = masked }, mismatch);
    }

    /// <summary>A whole conversation. The untrained parts are searched for only if there are any.</summary>
    private Example FromChat(
        RowOrigin origin, IReadOnlyList<ChatTurn> messages, IReadOnlyDictionary<string, object?>? variables, ITextEncoder encoder)
    {
        bool allTrained = messages.All(message => message.IsTrained);
        if (!options.AssistantOnlyLoss && allTrained)
        {
            int[] all = Located(origin, () => encoder.EncodeChat(messages, addGenerationPrompt: false, variables));
            return new(all, all);
        }

        var (ids, mask) = Located(origin, () => encoder.EncodeChatWithMask(messages, options.AssistantOnlyLoss, variables));
        if (allTrained && !mask.AsSpan().Contains(true))
            throw origin.Error("AssistantOnlyLoss expects a message of the assistant, found none.");
        return Masked(new(ids, ids), mask);
    }

    /// <summary>The template's errors do not know the file; this adds the row's origin.</summary>
    private static T Located<T>(RowOrigin origin, Func<T> encode)
    {
        try
        {
            return encode();
        }
        catch (LapidaryException error)
        {
            throw origin.Error(error);
        }
    }

    private int[] EncodeText(string text, ITextEncoder encoder)
    {
        int[] ids = encoder.Encode(text);

        // A text that starts with BOS does not get a second one.
        bool addsBos = options.AddSpecialTokens && encoder.AddsBos && (ids.Length == 0 || ids[0] != encoder.BosTokenId);
        return addsBos ? [encoder.BosTokenId, .. ids] : ids;
    }

    private static string WithEos(string text, ITextEncoder encoder) =>
        text.EndsWith(encoder.EosToken, StringComparison.Ordinal) ? text : text + encoder.EosToken;

    private static Example WithEnd(Example example, int eos)
    {
        var (ids, labels) = example;
        if (ids.Length == 0 || ids[^1] == eos) return example;
        return new([.. ids, eos], [.. labels, labels[^1] == Label.None ? Label.None : eos]);
    }

    private void RefuseAssistantOnly(RowOrigin origin, string found)
    {
        if (options.AssistantOnlyLoss) throw origin.Error($"AssistantOnlyLoss expects messages, found {found}; leave the option out.");
    }

    private void CheckRange(Example example, RowOrigin origin)
    {
        var (ids, labels) = example;
        for (int i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] >= (uint)vocabularySize)
                throw origin.Error($"expected input_ids from 0 to {vocabularySize - 1}, found {ids[i]} at index {i}.");
            if (labels[i] != Label.None && (uint)labels[i] >= (uint)vocabularySize)
                throw origin.Error($"expected labels from 0 to {vocabularySize - 1} or {Label.None}, found {labels[i]} at index {i}.");
        }
    }
}
