using System.Text;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Training.Tests.Data;

/// <summary>A tokenizer that tests can follow by eye: one id per character, 200 + its code, except that "ab" is one token, and the special
/// tokens written out; with Gemma's chat template.</summary>
internal sealed class ToyEncoder : ITextEncoder
{
    public const int Ab = 150, Vocabulary = 1000, Start = 105, End = 106;
    private static readonly (string Text, int Id)[] Tokens =
        [("<pad>", 0), ("<eos>", 1), ("<bos>", 2), ("<start_of_turn>", Start), ("<end_of_turn>", End), ("ab", Ab)];

    public int BosTokenId => 2;
    public int EosTokenId => 1;
    public string EosToken => "<eos>";
    public int? EndOfTurnTokenId => End;

    public int[] Encode(string text) => EncodeWithSpans(text).Ids;

    private static (int[] Ids, Range[] Spans) EncodeWithSpans(string text)
    {
        List<int> ids = [];
        List<Range> spans = [];
        for (int i = 0; i < text.Length;)
        {
            var token = Tokens.FirstOrDefault(x => text.AsSpan(i).StartsWith(x.Text));
            int length = token.Text?.Length ?? 1;
            ids.Add(token.Text is null ? 200 + text[i] : token.Id);
            spans.Add(i..(i + length));
            i += length;
        }

        return ([.. ids], [.. spans]);
    }

    public int[] EncodeChat(
        IReadOnlyList<ChatTurn> messages, bool addGenerationPrompt, IReadOnlyDictionary<string, object?>? variables = null) =>
        Encode(Render(messages).Text + (addGenerationPrompt ? "<start_of_turn>model\n" : ""));

    public (int[] Ids, bool[] TrainedMask) EncodeChatWithMask(
        IReadOnlyList<ChatTurn> messages, bool assistantOnly, IReadOnlyDictionary<string, object?>? variables = null)
    {
        var (text, spoken) = Render(messages);
        var (ids, spans) = EncodeWithSpans(text);
        return (ids, [.. spans.Select(x => spoken.Any(y => x.Start.Value >= y.Start.Value && x.End.Value <= y.End.Value))]);
    }

    private static (string Text, List<Range> AssistantSpans) Render(IReadOnlyList<ChatTurn> messages)
    {
        var text = new StringBuilder("<bos>");
        List<Range> spans = [];
        for (int i = 0; i < messages.Count; i++)
        {
            if (messages[i].Role == "user" != (i % 2 == 0)) throw new LapidaryException("Conversation roles must alternate.");
            text.Append("<start_of_turn>").Append(messages[i].Role == "assistant" ? "model" : messages[i].Role).Append('\n');
            int start = text.Length;
            text.Append(messages[i].Content!.Trim()).Append("<end_of_turn>\n");
            if (messages[i].Role == "assistant") spans.Add(start..text.Length);
        }

        return (text.ToString(), spans);
    }

    public string TokenText(int id) => Tokens.FirstOrDefault(x => x.Id == id).Text ?? ((char)(id - 200)).ToString();
}
