using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.TextToSql;

/// <summary>The built-in model: a tiny Gemma 3 that Lapidary pre-trained on generated text (schemas, SQL and English-like questions, but no
/// question with its answer). It is in this assembly, so that a first fine-tuning needs no download and no licence.</summary>
public static class Gemlet
{
    private const string Assets = "Assets/gemlet/";

    /// <summary>Writes the model's folder, as folders on the Hub are: config.json, tokenizer.json, model.safetensors (bf16) and so
    /// on.</summary>
    /// <param name="folder">The model's folder, created if missing; files with these names are replaced.</param>
    /// <exception cref="LapidaryException">The disk is full or the folder may not be written.</exception>
    public static void Write(string folder)
    {
        var assembly = typeof(Gemlet).Assembly;
        foreach (string name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(Assets, StringComparison.Ordinal)))
        {
            using var asset = assembly.GetManifestResourceStream(name)!;
            AtomicFile.WriteStream(Path.Combine(folder, name[Assets.Length..]), asset.CopyTo);
        }
    }
}
