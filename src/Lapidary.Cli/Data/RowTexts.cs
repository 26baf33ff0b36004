using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Data;

/// <summary>A row as a prompt and an answer.</summary>
/// <param name="Prompt">What comes before the answer; of plain text, all of it.</param>
/// <param name="Answer">The last message, or the completion; empty if there is none.</param>
internal readonly record struct RowTexts(string Prompt, string Answer)
{
    /// <summary>Characters of both.</summary>
    public int Length => Prompt.Length + Answer.Length;

    /// <summary>Identifies the prompt.</summary>
    public UInt128 PromptHash => Hash(Prompt);

    /// <summary>Identifies the prompt regardless of case, blanks and punctuation.</summary>
    public UInt128 LooseHash => Hash(Loose(Prompt));

    /// <summary>Identifies prompt and answer.</summary>
    public UInt128 WholeHash => Hash($"{Prompt}\0{Answer}");

    /// <summary>The texts of a row.</summary>
    public static RowTexts Of(DataRow row) => row switch
    {
        MessagesRow { Messages: [.., { IsAssistant: true } last] } all => new(Text(all.Messages.SkipLast(1)), last.Content ?? ""),
        MessagesRow messages => new(Text(messages.Messages), ""),
        PromptCompletionRow pair => new(pair.Prompt, pair.Completion),
        ConversationalPromptRow pair => new(Text(pair.Prompt), Text(pair.Completion)),
        TextRow text => new(text.Text, ""),
        TokensRow tokens => new(string.Join(' ', tokens.InputIds), ""),
        _ => new("", ""),
    };

    /// <summary>Identifies a text.</summary>
    public static UInt128 Hash(string text) => XxHash128.HashToUInt128(MemoryMarshal.AsBytes(text.AsSpan()));

    private static string Text(IEnumerable<ChatTurn> turns) => string.Join('\u0001', turns.Select(
        turn => $"{turn.Role}\0{turn.Content ?? string.Concat(turn.Parts?.Select(part => part.ToString()) ?? [])}"));

    private static string Loose(string text)
    {
        var loose = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            if (Rune.IsLetterOrDigit(rune) || Rune.IsSymbol(rune)) loose.Append(Rune.ToLowerInvariant(rune));
        return loose.ToString();
    }
}
