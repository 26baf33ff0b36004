using System.Text.RegularExpressions;

namespace Lapidary.Gemma.Export;

/// <summary>The chat template of a GGUF file.</summary>
internal static partial class GgufTemplate
{
    /// <summary>Milliseconds; a template is at most a megabyte.</summary>
    private const int Timeout = 1000;

    /// <summary>The folder's template without generation blocks, which mark the assistant's text for training and which llama.cpp does not
    /// know; null for a folder without a template.</summary>
    public static string? Of(string folder) => ChatTemplate.TextOf(folder) is { } text ? WithoutGenerationBlocks(text) : null;

    /// <summary>A block that is always taken has the same text and trims the same white space.</summary>
    internal static string WithoutGenerationBlocks(string text) =>
        End().Replace(Start().Replace(text, "${open}if true${close}"), "${open}endif${close}");

    [GeneratedRegex(@"(?<open>\{%[-+]?\s*)generation(?<close>\s*[-+]?%\})", RegexOptions.ExplicitCapture, Timeout)]
    private static partial Regex Start();

    [GeneratedRegex(@"(?<open>\{%[-+]?\s*)endgeneration(?<close>\s*[-+]?%\})", RegexOptions.ExplicitCapture, Timeout)]
    private static partial Regex End();
}
