using System.Runtime.InteropServices;
using Lapidary.Gemma;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Storage;

/// <summary>Rows as bytes: all of their content except their place.</summary>
internal static class RowBytes
{
    private const int NotTrained = 1, HasParts = 2, HasFields = 4;

    private enum Kind : byte
    {
        Messages,
        PromptCompletion,
        ConversationalPrompt,
        Text,
        Tokens,
    }

    /// <summary>Appends a row.</summary>
    public static void Write(ByteBuilder bytes, DataRow row)
    {
        switch (row)
        {
            case MessagesRow messages:
                bytes.Byte((byte)Kind.Messages);
                WriteTurns(bytes, messages.Messages);
                WriteVariables(bytes, messages.TemplateVariables);
                break;
            case PromptCompletionRow pair:
                bytes.Byte((byte)Kind.PromptCompletion);
                bytes.Text(pair.Prompt);
                bytes.Text(pair.Completion);
                break;
            case ConversationalPromptRow pair:
                bytes.Byte((byte)Kind.ConversationalPrompt);
                WriteTurns(bytes, pair.Prompt);
                WriteTurns(bytes, pair.Completion);
                WriteVariables(bytes, pair.TemplateVariables);
                break;
            case TextRow text:
                bytes.Byte((byte)Kind.Text);
                bytes.Text(text.Text);
                break;
            case TokensRow tokens:
                bytes.Byte((byte)Kind.Tokens);
                WriteArray<int>(bytes, tokens.InputIds);
                WriteArray<int>(bytes, tokens.Labels);
                WriteArray<bool>(bytes, tokens.CompletionMask);
                WriteArray<bool>(bytes, tokens.AssistantMask);
                break;
            default:
                throw new ArgumentException($"{row.GetType().Name} is no known kind of row.", nameof(row));
        }
    }

    /// <summary>Reads a row that fills the bytes.</summary>
    /// <param name="bytes">The bytes that <see cref="Write"/> appended.</param>
    /// <param name="origin">The place of the row.</param>
    /// <exception cref="InvalidDataException">The bytes are not a valid row.</exception>
    public static DataRow Read(ReadOnlySpan<byte> bytes, RowOrigin origin)
    {
        var source = new ByteSource(bytes);
        DataRow row = (Kind)source.Byte() switch
        {
            Kind.Messages => new MessagesRow(ReadTurns(ref source)) { TemplateVariables = ReadVariables(ref source), Origin = origin },
            Kind.PromptCompletion => new PromptCompletionRow(source.Text(), source.Text()) { Origin = origin },
            Kind.ConversationalPrompt => new ConversationalPromptRow(ReadTurns(ref source), ReadTurns(ref source))
            {
                TemplateVariables = ReadVariables(ref source),
                Origin = origin,
            },
            Kind.Text => new TextRow(source.Text()) { Origin = origin },
            Kind.Tokens => new TokensRow(ReadArray<int>(ref source) ?? throw ByteSource.Damaged(), ReadArray<int>(ref source))
            {
                CompletionMask = ReadMask(ref source),
                AssistantMask = ReadMask(ref source),
                Origin = origin,
            },
            _ => throw ByteSource.Damaged(),
        };
        return source.IsAtEnd ? row : throw ByteSource.Damaged();
    }

    private static void WriteTurns(ByteBuilder bytes, IReadOnlyList<ChatTurn> turns)
    {
        bytes.Number(turns.Count);
        for (int i = 0; i < turns.Count; i++)
        {
            var turn = turns[i];
            int kind = turn.Fields is not null ? HasFields : turn.Parts is not null ? HasParts : 0;
            bytes.Byte((byte)(kind | (turn.IsTrained ? 0 : NotTrained)));
            if (turn.Fields is { } fields)
            {
                ValueBytes.WriteFields(bytes, fields);
                continue;
            }

            bytes.Text(turn.Role);
            if (turn.Parts is not { } parts)
            {
                bytes.Text(turn.Content!);
                continue;
            }

            bytes.Number(parts.Count);
            foreach (var part in parts)
            {
                bytes.Text(part.Type);
                bytes.Byte((byte)(part.Text is null ? 0 : 1));
                if (part.Text is not null) bytes.Text(part.Text);
            }
        }
    }

    private static ChatTurn[] ReadTurns(ref ByteSource bytes)
    {
        var turns = new ChatTurn[bytes.Count()];
        for (int i = 0; i < turns.Length; i++)
        {
            int kind = bytes.Byte();
            if ((kind & HasFields) != 0) turns[i] = new ChatTurn(ValueBytes.ReadFields(ref bytes));
            else if ((kind & HasParts) != 0) turns[i] = new ChatTurn(Shared(bytes.Text()), ReadParts(ref bytes));
            else turns[i] = new ChatTurn(Shared(bytes.Text()), bytes.Text());
            if ((kind & NotTrained) != 0) turns[i] = turns[i] with { IsTrained = false };
        }

        return turns;
    }

    private static ChatPart[] ReadParts(ref ByteSource bytes)
    {
        var parts = new ChatPart[bytes.Count()];
        for (int i = 0; i < parts.Length; i++) parts[i] = new ChatPart(bytes.Text(), bytes.Byte() == 0 ? null : bytes.Text());
        return parts;
    }

    /// <summary>Shares one string among all messages with the same role.</summary>
    private static string Shared(string role) => role switch
    {
        "user" => "user",
        "assistant" => "assistant",
        "system" => "system",
        _ => role,
    };

    private static void WriteVariables(ByteBuilder bytes, IReadOnlyDictionary<string, object?>? variables)
    {
        bytes.Byte((byte)(variables is null ? 0 : 1));
        if (variables is not null) ValueBytes.WriteFields(bytes, variables);
    }

    private static Dictionary<string, object?>? ReadVariables(ref ByteSource bytes) =>
        bytes.Byte() == 0 ? null : ValueBytes.ReadFields(ref bytes);

    private static void WriteArray<T>(ByteBuilder bytes, T[]? values) where T : unmanaged
    {
        bytes.Byte((byte)(values is null ? 0 : 1));
        if (values is not null) bytes.Bytes(MemoryMarshal.AsBytes<T>(values));
    }

    private static T[]? ReadArray<T>(ref ByteSource bytes) where T : unmanaged =>
        bytes.Byte() == 0 ? null : MemoryMarshal.Cast<byte, T>(bytes.Bytes()).ToArray();

    /// <summary>Other bytes than 0 and 1 would make invalid booleans.</summary>
    private static bool[]? ReadMask(ref ByteSource bytes) =>
        ReadArray<byte>(ref bytes) is { } mask ? Array.ConvertAll(mask, value => value != 0) : null;
}
