using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Formats.Gguf;
using Lapidary.Gemma.Export;
using Lapidary.Gemma.Sources;
using Lapidary.Gemma.Text;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma;

/// <summary>Writes a model as a GGUF file for llama.cpp, Ollama and LM Studio: weights, tokenizer and chat template in one file. The text
/// part only; a vision tower is left out. The same model and options give the same bytes.</summary>
public static class GgufExporter
{
    /// <summary>Writes the file, and a Modelfile if asked for. Neither appears under its name before it is complete.</summary>
    /// <param name="folderOrId">A Gemma 3 folder with fp32, bf16 or fp16 weights and a tokenizer, or the id of one of the Hub.</param>
    /// <param name="outputFile">The GGUF file.</param>
    /// <param name="options">Type and names.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="LapidaryException">The model has no 16- or 32-bit weights or no tokenizer, llama.cpp cannot compute it, a file
    /// exists already, or one cannot be read or written.</exception>
    public static GgufExport Export(string folderOrId, string outputFile, GgufExportOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(outputFile);
        ArgumentNullException.ThrowIfNull(options);
        string folder = ModelSource.Find(folderOrId, HubFiles.Model, options.Hub).Folder;
        var config = GemmaConfig.Load(folder);
        if (config.Quantization is not null)
            throw new LapidaryException($"{folderOrId}: is in 4 bits; give the model in 16 bits (merge writes one).");
        RequireFree(outputFile, options);
        if (options.Modelfile is { } other) RequireFree(other, options);
        string tokenizerFile = Path.Combine(folder, Tokenizer.FileName);
        if (!File.Exists(tokenizerFile))
            throw new LapidaryException($"{folder}: expected {Tokenizer.FileName}, found none; llama.cpp needs the tokenizer in the file.");

        using var checkpoint = Checkpoint.Open(folder);
        GemmaTensors.RequireLayers(checkpoint, config);
        var tokenizer = Tokenizer.Load(folder);
        var tokens = new GgufTokens(TokenizerCache.Default().Read(tokenizerFile), Math.Min(config.VocabSize, tokenizer.VocabSize));
        var tensors = new GgufTensors(config, checkpoint, options.Type, tokens.Count);
        var metadata = new GgufMetadata();
        GgufModelKeys.AddGeneral(metadata, folder, options.Name ?? NameOf(folderOrId), config, tensors.Parameters, options.Type);
        GgufModelKeys.AddModel(metadata, config, tokens.Count);
        tokens.AddTo(metadata, tokenizer, GgufTemplate.Of(folder));
        string? modelfile = options.Modelfile is null ? null : Modelfile.Text(folder, config, tokenizer, outputFile, options.Modelfile);
        if (tokens.DiffersFromSentencePiece)
        {
            options.OnNote?.Invoke(
                "the tokenizer's merges are not those of a SentencePiece vocabulary: llama.cpp may split some words differently.");
        }

        var all = tensors.All;
        long bytes = GgufFile.Write(outputFile, metadata, all, done =>
        {
            options.Progress?.Report(new("writing", done, all.Count, "tensors"));
            options.CancellationToken.ThrowIfCancellationRequested();
        });
        if (modelfile is not null) AtomicFile.WriteAllText(options.Modelfile!, modelfile);
        return new GgufExport(all.Count, tokens.Count, bytes);
    }

    private static void RequireFree(string path, GgufExportOptions options)
    {
        if (Directory.Exists(path)) throw new LapidaryException($"{path}: is a folder; name a file in it.");
        AtomicFile.RequireOrdinary(path);
        if (!options.Overwrite && File.Exists(path))
            throw new LapidaryException($"{path}: is there already; choose another name, or set Overwrite to true to replace it.");
    }

    private static string NameOf(string folderOrId) => Directory.Exists(folderOrId)
        ? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folderOrId)))
        : folderOrId.Split('@')[0].Split('/')[^1];
}

/// <summary>A GGUF file that was written.</summary>
/// <param name="Tensors">Number of tensors.</param>
/// <param name="Tokens">Number of tokens, which is also the number of the embedding's rows.</param>
/// <param name="Bytes">Length of the file.</param>
public sealed record GgufExport(int Tensors, int Tokens, long Bytes);
