namespace Lapidary.Cli.CommandLine;

/// <summary>The user stopped the command; the message says what is kept and how to continue.</summary>
internal sealed class InterruptedException(string message) : OperationCanceledException(message);
