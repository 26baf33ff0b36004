namespace Lapidary.Server.Replies;

/// <summary>An error in OpenAI's shape.</summary>
internal sealed record ErrorReply(ErrorBody Error);

/// <summary>What it is about.</summary>
internal sealed record ErrorBody(string Message, string Type, string? Param, string? Code);
