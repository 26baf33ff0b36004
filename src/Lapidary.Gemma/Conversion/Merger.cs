using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Conversion;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma;

/// <summary>Merges an adapter into its base: W + s·B·A, tensor by tensor from the mapped base into new files, so that memory holds one
/// tensor. Names, order and untouched tensors (a vision tower's among them) are the base's.</summary>
/// <remarks>Sums are formed in fp32 and rounded once to the output type, as PEFT's merge does. A tied embedding trained as one matrix is
/// written once; two trained matrices are both written and config.json says that they are not tied.</remarks>
public static class Merger
{
    /// <summary>Writes the merged model.</summary>
    /// <param name="baseFolder">The base.</param> <param name="adapterFolder">A PEFT adapter.</param> <param name="outputFolder">Receives
    /// weights, index, config.json, tokenizer and generation settings.</param>
    /// <param name="options">Type, source of the projections, size of files.</param>
    /// <exception cref="LapidaryException">The adapter does not fit the base, or a file cannot be read or written.</exception>
    public static void Merge(string baseFolder, string adapterFolder, string outputFolder, MergeOptions options)
    {
        ConvertedFolder.RequireOther(outputFolder, baseFolder, "the merged model would overwrite its base");
        using var backend = new CpuBackend();
        using var model = GemmaModel.Load(baseFolder, backend); // mapped, not copied
        using var adapter = Adapter.Load(model, adapterFolder);
        foreach (string note in (string[])[.. model.Notes, .. adapter.Notes]) options.OnNote?.Invoke(note);
        using var checkpoint = Checkpoint.Open(baseFolder);
        var plan = new MergePlan(model, adapter, checkpoint, backend, options);
        var tensors = plan.Tensors();
        ConvertedFolder.Write(outputFolder, baseFolder, model.Config, plan.Changes, tensors, options.MaxShardBytes, (name, done) =>
        {
            if (checkpoint.Contains(name)) checkpoint.Release(name);
            options.OnProgress?.Invoke(done, tensors.Count);
        });
    }
}
