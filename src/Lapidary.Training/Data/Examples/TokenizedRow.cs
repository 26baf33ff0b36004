using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Training.Data.Examples;

/// <summary>Turns one row into ids and a mask of trained tokens, before truncation.</summary>
/// <param name="Ids">Token ids.</param> <param name="Labels">Unshifted labels.</param>
/// <param name="PrefixMismatch">The prompt's ids are not the start of the whole's.</param>
internal sealed record TokenizedRow(int[] Ids, int[] Labels, bool PrefixMismatch)
{
    /// <summary>Tokenizes a row.</summary>
    /// <param name="row">The row.</param> <param name="encoder">Tokenizer and chat template; may be null for pre-tokenized rows.</param>
    /// <param name="options">Label rules.</param> <param name="completionOnly">completion_only_loss with its default resolved.</param>
    public static TokenizedRow Create(TrainingRow row, ITextEncoder? encoder, ExampleOptions options, bool completionOnly)
    {
        // Pre-tokenized rows are taken as they are: whoever made them has set their end.
        if (row is TokensRow tokens) return new(tokens.InputIds, tokens.Labels ?? tokens.InputIds, PrefixMismatch: false);
        if (encoder is null) throw row.Origin.Error("text expects a tokenizer, found none; put tokenizer.json into the model's folder.");
        var result = row switch
        {
            MessagesRow messages => FromMessages(messages, encoder, options, completionOnly),
            TextRow text => FromText(text, encoder, options, completionOnly),
            PromptCompletionRow pair => FromPair(pair, encoder, options, completionOnly),
            ConversationalPromptRow pair => FromConversation(pair, encoder, options, completionOnly),
            _ => throw row.Origin.Error($"expected a known kind of row, found {row.GetType().Name}."),
        };
        return options.AppendConcatToken ? result.WithEnd(encoder.EosTokenId) : result;
    }

    /// <summary>Refuses ids that the model has no embedding for.</summary>
    public void CheckRange(RowOrigin origin, int vocabularySize)
    {
        for (int i = 0; i < Ids.Length; i++)
        {
            if ((uint)Ids[i] >= (uint)vocabularySize)
                throw origin.Error($"expected input_ids from 0 to {vocabularySize - 1}, found {Ids[i]} at index {i}.");
            if (Labels[i] != Example.Ignore && (uint)Labels[i] >= (uint)vocabularySize)
                throw origin.Error($"expected labels from 0 to {vocabularySize - 1} or -100, found {Labels[i]} at index {i}.");
        }
    }

    private static TokenizedRow FromMessages(MessagesRow row, ITextEncoder encoder, ExampleOptions options, bool completionOnly)
    {
        if (completionOnly)
            throw row.Origin.Error("completion_only_loss expects prompt and completion, found messages; use assistant_only_loss.");
        if (options.AssistantOnlyLoss) return new(AssistantOnly(row.Origin, row.Messages, encoder, out int[] labels), labels, false);
        int[] ids = EncodeChat(row.Origin, row.Messages, encoder, false);
        return new(ids, ids, PrefixMismatch: false);
    }

    private static TokenizedRow FromText(TextRow row, ITextEncoder encoder, ExampleOptions options, bool completionOnly)
    {
        if (completionOnly) throw row.Origin.Error("completion_only_loss expects prompt and completion, found text; leave the option out.");
        RefuseAssistantOnly(row.Origin, options);
        int[] ids = EncodeText(WithEos(row.Text, encoder), encoder, options);
        return new(ids, ids, PrefixMismatch: false);
    }

    private static TokenizedRow FromPair(PromptCompletionRow row, ITextEncoder encoder, ExampleOptions options, bool completionOnly)
    {
        RefuseAssistantOnly(row.Origin, options);
        int[] prompt = EncodeText(row.Prompt, encoder, options);
        int[] ids = EncodeText(row.Prompt + WithEos(row.Completion, encoder), encoder, options);
        return WithCompletion(ids, ids, prompt, completionOnly);
    }

    private static TokenizedRow FromConversation(ConversationalPromptRow row, ITextEncoder encoder, ExampleOptions options, bool completionOnly)
    {
        int[] prompt = EncodeChat(row.Origin, row.Prompt, encoder, true);
        ChatTurn[] whole = [.. row.Prompt, .. row.Completion];
        if (options.AssistantOnlyLoss)
        {
            int[] spoken = AssistantOnly(row.Origin, whole, encoder, out int[] labels);
            return WithCompletion(spoken, labels, prompt, completionOnly);
        }

        int[] ids = EncodeChat(row.Origin, whole, encoder, false);
        return WithCompletion(ids, ids, prompt, completionOnly);
    }

    /// <summary>Masks as many tokens as the prompt alone has.</summary>
    private static TokenizedRow WithCompletion(int[] ids, int[] labels, int[] prompt, bool completionOnly)
    {
        bool mismatch = !ids.AsSpan().StartsWith(prompt);
        if (!completionOnly) return new(ids, labels, mismatch);
        int[] masked = (int[])labels.Clone();
        masked.AsSpan(0, Math.Min(prompt.Length, masked.Length)).Fill(Example.Ignore);
        return new(ids, masked, mismatch);
    }

    private static int[] AssistantOnly(RowOrigin origin, IReadOnlyList<ChatTurn> messages, ITextEncoder encoder, out int[] labels)
    {
        var (ids, mask) = Located(origin, () => encoder.EncodeChatWithMask(messages));
        labels = new int[ids.Length];
        for (int i = 0; i < ids.Length; i++) labels[i] = mask[i] ? ids[i] : Example.Ignore;
        return mask.AsSpan().Contains(true) ? ids : throw origin.Error("assistant_only_loss expects a message of the assistant, found none.");
    }

    private static int[] EncodeChat(RowOrigin origin, IReadOnlyList<ChatTurn> messages, ITextEncoder encoder, bool addGenerationPrompt) =>
        Located(origin, () => encoder.EncodeChat(messages, addGenerationPrompt));

    /// <summary>The template's errors know no file; they get the row's origin here.</summary>
    private static T Located<T>(RowOrigin origin, Func<T> encode)
    {
        try
        {
            return encode();
        }
        catch (LapidaryException error)
        {
            throw origin.Error(error.Message, error);
        }
    }

    private static int[] EncodeText(string text, ITextEncoder encoder, ExampleOptions options)
    {
        int[] ids = encoder.Encode(text);

        // A text that brings its own BOS does not get a second one.
        return options.AddSpecialTokens && (ids.Length == 0 || ids[0] != encoder.BosTokenId) ? [encoder.BosTokenId, .. ids] : ids;
    }

    private static string WithEos(string text, ITextEncoder encoder) =>
        text.EndsWith(encoder.EosToken, StringComparison.Ordinal) ? text : text + encoder.EosToken;

    private static void RefuseAssistantOnly(RowOrigin origin, ExampleOptions options)
    {
        if (options.AssistantOnlyLoss) throw origin.Error("assistant_only_loss expects messages, found text; leave the option out.");
    }

    private TokenizedRow WithEnd(int eos)
    {
        if (Ids.Length == 0 || Ids[^1] == eos) return this;
        return this with { Ids = [.. Ids, eos], Labels = [.. Labels, Labels[^1] == Example.Ignore ? Example.Ignore : eos] };
    }
}
