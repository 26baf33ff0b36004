using System.Security.Cryptography;
using System.Text;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Gemma;

namespace Lapidary.Cli.Generation;

/// <summary>Everything that the answers of a file depend on: an unfinished file is continued only by the same.</summary>
internal static class AnswerIdentity
{
    /// <summary>One line of JSON. The sizes of the weights' files stand for the weights.</summary>
    /// <param name="run">The command.</param>
    /// <param name="settings">Settings of the model.</param>
    /// <param name="model">The model's folder.</param>
    /// <param name="adapter">The adapter's folder; null without one.</param>
    /// <param name="questions">The rows.</param>
    /// <param name="chosen">Sampling and length.</param>
    /// <param name="stops">Texts that end an answer.</param>
    /// <param name="schema">The JSON schema of answers; null for none.</param>
    public static string Of(
        CommandRun run, ModelSettings settings, string model, string? adapter, IReadOnlyList<RowQuestion> questions,
        GenerationOptions chosen, IReadOnlyList<string> stops, string? schema = null)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var question in questions) hash.AppendData(new Answer(question.PromptIds, null, null, question.Error).Line(question));
        if (questions.Any(question => question.Form is not null)) hash.AppendData("held"u8);
        string rows = Convert.ToHexStringLower(hash.GetHashAndReset());
        string loaded = string.Join(
            ' ', run.Values.Get(settings.Quantization), run.Values.Get(settings.DoubleQuant), run.Values.Get(settings.DType));
        string trained = adapter is null ? "none" : Files(adapter);
        string files = Files(model), options = Hash($"{Describe(chosen, stops)} {loaded}{schema}");
        return $$"""{"rows":"{{rows}}","model":"{{files}}","adapter":"{{trained}}","options":"{{options}}"}""" + "\n";
    }

    private static string Describe(GenerationOptions chosen, IReadOnlyList<string> stops) => string.Join(' ',
        chosen, string.Join(',', chosen.StopTokenIds), string.Join('\0', stops), string.Join(',', chosen.SuppressTokens),
        string.Join(',', chosen.BeginSuppressTokens));

    private static string Files(string folder) => Hash(string.Join('\n', new DirectoryInfo(folder).EnumerateFiles("*.safetensors")
        .OrderBy(file => file.Name, StringComparer.Ordinal).Select(Identity)));

    /// <summary>A file in the Hub's cache is a link; the name of its target identifies the content.</summary>
    private static string Identity(FileInfo file) => file.LinkTarget is { } target
        ? $"{file.Name} {Path.GetFileName(target)}"
        : $"{file.Name} {file.Length} {file.LastWriteTimeUtc.Ticks}";

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
