using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Cards;
using Lapidary.Gemma.Configuration;
using Lapidary.Gemma.Conversion;
using Lapidary.Gemma.Lora;
using Lapidary.Gemma.Sources;
using Lapidary.Gemma.Text;
using Lapidary.Gemma.Weights;
using Lapidary.Hub;

namespace Lapidary.Gemma;

/// <summary>Merges an adapter into its base: W + s·B·A, tensor by tensor from the mapped base into new files, so that memory holds one
/// tensor. Names, order and untouched tensors (a vision tower's among them) are the base's.</summary>
/// <remarks>Sums are computed in fp32 and rounded once to the output type, as in PEFT. A tied embedding trained as one matrix is written
/// once; two trained matrices are both written and config.json says that they are not tied.</remarks>
public static class Merger
{
    // Used for the comparison if there is no tokenizer: every vocabulary has small ids.
    private static readonly int[] AnyIds = [2, .. Enumerable.Range(1, 31).Select(i => 3 + i * 29 % 251)];

    /// <summary>Writes the merged model, compares it with base + adapter, and puts it in its folder only if both agree.</summary>
    /// <param name="baseModel">The base: a folder, or an id of the Hub.</param>
    /// <param name="adapter">A PEFT adapter: a folder, or an id of the Hub.</param>
    /// <param name="outputFolder">Receives weights, index, config.json, generation settings, the tokenizer that the adapter was trained
    /// with, and README.md, a model card, unless the folder has one that somebody wrote.</param>
    /// <param name="options">Type, base of the projections, size of files.</param>
    /// <param name="backend">The device for the comparison; null for the CPU.</param>
    /// <returns>How close the merged model is to base + adapter.</returns>
    /// <exception cref="LapidaryException">The adapter does not fit the base, a file cannot be read or written, the output is a folder that
    /// is read, is in use or holds a model, or the merged model is not base + adapter.</exception>
    public static MergeCheck Merge(
        string baseModel, string adapter, string outputFolder, MergeOptions options, IBackend? backend = null)
    {
        string adapterFolder = ModelSource.Find(adapter, HubFiles.Adapter, options.Hub).Folder;
        string baseFolder = ModelSource.Find(baseModel, HubFiles.Model, options.Hub).Folder;
        string? given = options.TokenizerFolder is { } asked ? ModelSource.Find(asked, HubFiles.Tokenizer, options.Hub).Folder : null;
        string? tokenizer = TokenizerFolder.Resolve(baseFolder, adapterFolder, given);
        int[] ids = CheckIds(tokenizer, options.CheckText, GemmaConfig.Load(baseFolder).VocabSize);
        using var output = NewModel.Open(
            outputFolder, options.Overwrite, [baseFolder, adapterFolder, .. tokenizer is null ? Array.Empty<string>() : [tokenizer]]);
        Write(baseFolder, adapterFolder, tokenizer, output.Folder, options);
        using var own = backend is null ? new CpuBackend() : null;
        var check = MergeCheck.Run(baseFolder, adapterFolder, output.Folder, ids, options, backend ?? own!);
        if (check.Fault is { } fault)
        {
            throw new LapidaryException(
                $"{outputFolder}: nothing was written, because the merged model is not the base with the adapter: {fault}.");
        }

        options.CancellationToken.ThrowIfCancellationRequested();
        var card = new MergedCard(
            AdapterConfigFile.Read(adapterFolder), GemmaConfig.Load(output.Folder), options.BaseName ?? baseModel,
            options.AdapterName ?? adapter)
        {
            IsFromNf4 = options.FromNf4 || GemmaConfig.Load(baseFolder).Quantization is not null,
            Check = check.ToString(),
        };
        AtomicFile.WriteAllText(Path.Combine(output.Folder, ModelCard.FileName), CardFile.TextFor(outputFolder, card.ToText()));
        output.Publish();
        return check;
    }

    private static void Write(
        string baseFolder, string adapterFolder, string? tokenizer, string folder, MergeOptions options)
    {
        using var backend = new CpuBackend();
        using var model = GemmaModel.Load(baseFolder, backend); // mapped, not copied
        using var adapter = Adapter.Load(model, adapterFolder);
        foreach (string note in (string[])[.. model.Notes, .. adapter.Notes]) options.OnNote?.Invoke(note);
        using var checkpoint = Checkpoint.Open(baseFolder);
        var plan = new MergePlan(model, adapter, checkpoint, backend, options);
        var tensors = plan.Tensors();
        var changes = plan.Changes with { EosTokenIds = ModelFolder.CopyMerged(baseFolder, folder, tokenizer, model.Config) };
        PromptKind.Copy(adapterFolder, folder);
        ConvertedFolder.Write(folder, model.Config, changes, tensors, options.MaxShardBytes, (name, done) =>
        {
            if (checkpoint.Contains(name)) checkpoint.Release(name);
            options.Progress?.Report(new("merging", done, tensors.Count, "tensors"));
            options.CancellationToken.ThrowIfCancellationRequested();
        });
    }

    private static int[] CheckIds(string? tokenizerFolder, string text, int vocabulary)
    {
        int[] ids = [];
        if (tokenizerFolder is not null)
        {
            var tokenizer = Tokenizer.Load(tokenizerFolder);
            _ = ChatTemplate.Load(tokenizerFolder); // Of no use here, but a damaged one must show before the work.
            ids = tokenizer.Encode(text, addSpecialTokens: !tokenizer.BeginsWithBos(text));
        }

        ids = [.. ids.Where(id => id < vocabulary)];
        return ids.Length > 0 ? ids : [.. AnyIds.Where(id => id < vocabulary)];
    }
}
