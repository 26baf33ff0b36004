using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Sources;
using Lapidary.Gemma.Text;

namespace Lapidary.Gemma;

/// <summary>Selects the tokenizer and chat template of a model.</summary>
public static class TokenizerFolder
{
    private static string[] Names => HubFiles.TokenizerNames;

    /// <summary>The folder for <see cref="Tokenizer.Load"/> and <see cref="ChatTemplate.Load"/>: the requested one, else the adapter's,
    /// which holds the files of its training, else the model's.</summary>
    /// <param name="model">The model's folder.</param>
    /// <param name="adapter">The adapter's folder, or null.</param>
    /// <param name="tokenizer">A folder that takes precedence over both, or null.</param>
    /// <returns>Null if none was requested and neither folder has a tokenizer.json: enough for token ids.</returns>
    /// <exception cref="LapidaryException">The requested folder has no tokenizer.json.</exception>
    public static string? Resolve(string model, string? adapter = null, string? tokenizer = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (tokenizer is null) return adapter is not null && HasTokenizer(adapter) ? adapter : HasTokenizer(model) ? model : null;
        if (HasTokenizer(tokenizer)) return tokenizer;
        throw new LapidaryException(
            $"{FileErrors.OneLine(tokenizer)}: expected the folder of a tokenizer ({Tokenizer.FileName}), found none; check the path.");
    }

    /// <summary>Whether a file belongs to a tokenizer.</summary>
    internal static bool IsPart(string name) => Names.Contains(name);

    /// <summary>Copies the existing files of the tokenizer. A complete tokenizer replaces the target's: no file of the old one
    /// stays.</summary>
    internal static void Copy(string source, string target)
    {
        bool isWhole = HasTokenizer(source);
        foreach (string name in Names)
        {
            if (!ModelFiles.TryCopy(name, source, target) && isWhole) File.Delete(Path.Combine(target, name));
        }
    }

    /// <summary>Writes a tokenizer and a chat template, possibly from different folders, so that loading the target returns both.</summary>
    internal static void Save(Tokenizer tokenizer, ChatTemplate template, string target)
    {
        Copy(tokenizer.Folder, target);
        if (ChatTemplate.TextOf(target) != template.Text)
            AtomicFile.WriteAllText(Path.Combine(target, HubFiles.ChatTemplateName), template.Text);
    }

    private static bool HasTokenizer(string folder) => File.Exists(Path.Combine(folder, Tokenizer.FileName));
}
