using System.ComponentModel.DataAnnotations;
using Lapidary.Formats;
using Lapidary.Server.Http;

namespace Lapidary.Server;

/// <summary>Where a server listens, whom it lets in, and its limits.</summary>
public sealed record LapidaryServerOptions
{
    /// <summary>An address or name of this machine.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The port; 0 for a free one.</summary>
    [Range(0, 65535)]
    public int Port { get; init; } = 8080;

    /// <summary>Callers need one of them ("Authorization: Bearer KEY") for all but /health; empty lets every caller in.</summary>
    public IReadOnlyList<string> ApiKeys { get; init; } = [];

    /// <summary>Whether callers need no key even if other machines can reach the address.</summary>
    public bool AllowNoKey { get; init; }

    /// <summary>Most answers of a model, or of all models whose engines share steps, that may wait for their turn. A request that needs
    /// more is refused (429).</summary>
    [Range(0, 1_000_000)]
    public int MaxWaiting { get; init; } = 256;

    /// <summary>Most bytes of a request (413).</summary>
    [Range(1, int.MaxValue)]
    public int MaxBodyBytes { get; init; } = 4 << 20;

    /// <summary>Receives a line about each error that is not the caller's, with the id that the reply names; null for nobody. Must be
    /// thread-safe.</summary>
    public Action<string>? Report { get; init; }

    /// <summary>Puts the words of the program around the server in place of this record's names, in messages for callers; null leaves
    /// them.</summary>
    internal Func<string, string>? Words { get; init; }

    /// <summary>What is served beside the API; null for nothing.</summary>
    internal IServerPage? Page { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="LapidaryException">An option is out of range; the message names it.</exception>
    public void Validate() => RecordLimits.Check(this);
}
