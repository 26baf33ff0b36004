using Microsoft.AspNetCore.Http;

namespace Lapidary.Server.Http;

/// <summary>An answer that is an error, in OpenAI's terms.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="type">Its kind: "invalid_request_error".</param>
/// <param name="code">A word for programs; null for none.</param>
/// <param name="param">The field of the request that it is about; null for none.</param>
/// <param name="message">For people.</param>
internal sealed class ApiException(int status, string type, string? code, string? param, string message) : Exception(message)
{
    public const string InvalidRequest = "invalid_request_error", ServerError = "server_error";

    public int Status => status;

    public string Type => type;

    public string? Code => code;

    public string? Param => param;

    /// <summary>Seconds after which the caller may try again; null if that is no use.</summary>
    public int? RetryAfter { get; init; }

    /// <summary>The caller's mistake in a field. The message begins with its name.</summary>
    public static ApiException Wrong(string param, string message, string? code = null) =>
        new(StatusCodes.Status400BadRequest, InvalidRequest, code, param, $"{param}: {message}");

    /// <summary>The caller's mistake in the request as such.</summary>
    public static ApiException Wrong(string message) => new(StatusCodes.Status400BadRequest, InvalidRequest, null, null, message);

    /// <summary>The caller may try again soon. The header that says so is always given: some clients try again at once without.</summary>
    public static ApiException Later(int status, string type, string code, string message) =>
        new(status, type, code, null, message) { RetryAfter = 1 };
}
