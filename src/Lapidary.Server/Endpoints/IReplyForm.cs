using Lapidary.Server.Answers;
using Lapidary.Server.Http;
using Lapidary.Server.Replies;
using Microsoft.AspNetCore.Http;

namespace Lapidary.Server.Endpoints;

/// <summary>The form of a reply: a chat's or a text's.</summary>
internal interface IReplyForm
{
    /// <summary>Waits for the answers and sends them as one object.</summary>
    Task SendAsync(HttpContext context, AnswerGroup group);

    /// <summary>Writes what precedes the pieces of some answers.</summary>
    void Open(EventStream events, int answers);

    /// <summary>Writes a piece.</summary>
    void Write(EventStream events, AnswerPiece piece);

    /// <summary>Writes the piece that has the usage alone.</summary>
    void WriteUsage(EventStream events, Usage usage);
}
