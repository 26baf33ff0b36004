namespace Lapidary.Cli.CommandLine;

/// <summary>The user stopped the command; the line says what is kept and how to go on.</summary>
internal sealed class InterruptedException(string message) : OperationCanceledException(message);
