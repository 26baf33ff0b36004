using Lapidary.Cli.CommandLine;
using Lapidary.TextToSql;

namespace Lapidary.Cli.Asking;

/// <summary>A question got no rows. What is known of its answer was shown.</summary>
internal sealed class UnansweredException(AskAnswer answer) : ToolException(
    answer.Attempts.Count == 1 ? $"no answer: {answer.Error}" : $"no answer after {answer.Attempts.Count} queries: {answer.Error}");
