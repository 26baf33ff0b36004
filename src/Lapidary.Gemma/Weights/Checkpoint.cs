using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Formats.Safetensors;

namespace Lapidary.Gemma.Weights;

/// <summary>The weights of a model folder, in one file or in shards, memory-mapped.</summary>
internal sealed class Checkpoint : IDisposable
{
    private readonly Dictionary<string, SafetensorsFile> _files = [];
    private readonly Dictionary<string, SafetensorsFile> _fileOf = [];

    private Checkpoint(string folder) => Folder = folder;

    /// <summary>The model's folder.</summary>
    public string Folder { get; }

    /// <summary>All tensors: shard by shard in the order of their names, in each by the order of their bytes.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries { get; private set; } = [];

    /// <summary>The files in the order of their names.</summary>
    public IReadOnlyList<SafetensorsFile> Files { get; private set; } = [];

    /// <summary>Bytes of all tensors.</summary>
    public long TotalBytes { get; private set; }

    /// <summary>Opens model.safetensors, or, without that file, the shards of model.safetensors.index.json.</summary>
    /// <exception cref="LapidaryException">A file is absent or damaged, or a shard lacks a tensor of the index.</exception>
    public static Checkpoint Open(string folder)
    {
        var checkpoint = new Checkpoint(folder);
        try
        {
            if (File.Exists(Path.Combine(folder, CheckpointFiles.Single))) checkpoint.OpenSingle();
            else if (File.Exists(Path.Combine(folder, CheckpointFiles.Index))) checkpoint.OpenShards();
            else throw CheckpointFiles.Missing(folder);
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>Whether the checkpoint holds the tensor.</summary>
    public bool Contains(string name) => _fileOf.ContainsKey(name);

    /// <summary>The file that holds a tensor, for its raw bytes.</summary>
    /// <exception cref="LapidaryException">The checkpoint has no tensor of this name.</exception>
    public SafetensorsFile FileOf(string name) => _fileOf.TryGetValue(name, out var file)
        ? file
        : throw new LapidaryException(
            $"{Folder}: tensor {FileErrors.OneLine(name)}: expected it among the checkpoint's {Entries.Count} tensors, found none; "
            + "check that config.json and the weights belong together.");

    /// <summary>The tensor over the mapped bytes, see <see cref="SafetensorsTensors.Get"/>.</summary>
    /// <exception cref="LapidaryException">The checkpoint has no tensor of this name, or the engine does not support its type.</exception>
    public Tensor Get(string name) => FileOf(name).Get(name);

    /// <summary>Reports that a tensor's bytes are not needed again soon; see <see cref="SafetensorsFile.Release(string)"/>.</summary>
    public void Release(string name) => FileOf(name).Release(name);

    /// <summary>Closes all files; their tensors must not be used afterwards.</summary>
    public void Dispose()
    {
        foreach (var file in _files.Values) file.Dispose();
        _files.Clear();
    }

    private void OpenSingle() =>
        Finish(OpenFile(CheckpointFiles.Single).Entries.Select(entry => KeyValuePair.Create(entry.Name, CheckpointFiles.Single)));

    private void OpenShards() => Finish(CheckpointFiles.ReadIndex(Folder));

    private void Finish(IEnumerable<KeyValuePair<string, string>> weightMap)
    {
        foreach (var (tensor, name) in weightMap)
        {
            var file = OpenFile(name);
            if (!file.Contains(tensor))
            {
                throw new LapidaryException(
                    $"{file.Path}: tensor {FileErrors.OneLine(tensor)}: expected it in this shard ({CheckpointFiles.Index} says so), "
                    + "found none; download the shard and the index again.");
            }

            _fileOf.Add(tensor, file);
        }

        Files = [.. _files.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value)];
        Entries =
            [.. Files.SelectMany(file => file.Entries.Where(entry => _fileOf.TryGetValue(entry.Name, out var owner) && owner == file))];
        TotalBytes = Entries.Sum(entry => entry.LengthBytes);
    }

    private SafetensorsFile OpenFile(string name)
    {
        if (!_files.TryGetValue(name, out var file)) _files.Add(name, file = SafetensorsFile.Open(Path.Combine(Folder, name)));
        return file;
    }
}
