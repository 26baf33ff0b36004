using Lapidary.Formats.Files;

namespace Lapidary.Formats.Safetensors;

/// <summary>Writes a model folder's weights in shards of a limited size. All shards are written and flushed under temporary names; only
/// then do they get their names, the index last, so that a folder never appears to hold an incomplete checkpoint.</summary>
internal sealed class ShardedWriter : IDisposable
{
    private readonly string _folder;
    private readonly IReadOnlyDictionary<string, string>? _metadata;
    private readonly List<List<TensorDeclaration>> _plan;
    private readonly List<SafetensorsWriter> _writers = [];
    private int _writtenInShard;

    private ShardedWriter(string folder, List<List<TensorDeclaration>> plan, IReadOnlyDictionary<string, string>? metadata)
    {
        (_folder, _plan, _metadata) = (folder, plan, metadata);
        FileNames = [.. Enumerable.Range(1, plan.Count).Select(number => CheckpointFiles.Shard(number, plan.Count))];
    }

    /// <summary>The shards' names: "model.safetensors" alone, or "model-00001-of-00003.safetensors" and so on.</summary>
    public IReadOnlyList<string> FileNames { get; }

    /// <summary>Plans the shards: tensors in order, a new shard whenever the next tensor would exceed the limit. A tensor larger than the
    /// limit gets a separate shard.</summary>
    /// <param name="folder">The model's folder; a checkpoint in it is replaced by <see cref="Complete"/>.</param>
    /// <param name="tensors">All tensors in the order in which they will be written.</param>
    /// <param name="maxShardBytes">Bytes of tensors per shard, see <see cref="ByteSize.Parse"/>.</param>
    /// <param name="metadata">As for <see cref="SafetensorsWriter.Create"/>.</param>
    /// <exception cref="ArgumentException">A name is used twice.</exception>
    /// <exception cref="LapidaryException">The disk has no room for all shards, or the folder may not be written.</exception>
    public static ShardedWriter Create(
        string folder, IReadOnlyList<TensorDeclaration> tensors, long maxShardBytes, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxShardBytes);
        if (tensors.DistinctBy(tensor => tensor.Name).Count() != tensors.Count)
            throw new ArgumentException("A tensor name is used twice.", nameof(tensors));
        try
        {
            TemporaryPaths.CreateFolder(folder);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(folder, e);
        }

        DiskSpace.Require(folder, tensors.Sum(tensor => tensor.LengthBytes));
        return new ShardedWriter(folder, Plan(tensors, maxShardBytes), metadata);
    }

    /// <summary>Writes the next tensor from managed memory.</summary>
    /// <exception cref="InvalidOperationException">It is not the next one declared, or its length differs.</exception>
    public void Write(string name, ReadOnlySpan<byte> bytes)
    {
        Current().Write(name, bytes);
        _writtenInShard++;
    }

    /// <summary>Writes the next tensor from native memory.</summary>
    /// <exception cref="InvalidOperationException">It is not the next one declared, or its length differs.</exception>
    public void Write(string name, nint address, long lengthBytes)
    {
        Current().Write(name, address, lengthBytes);
        _writtenInShard++;
    }

    /// <summary>Writes the next tensor by a callback, which must write exactly its bytes.</summary>
    /// <exception cref="InvalidOperationException">It is not the next one declared, or the callback wrote another length.</exception>
    public void Write(string name, Action<Stream> content)
    {
        Current().Write(name, content);
        _writtenInShard++;
    }

    /// <summary>Flushes the last shard, removes the weights of a checkpoint that was in the folder, and names the shards and then the
    /// index. If naming fails, no weights remain instead of some.</summary>
    /// <exception cref="InvalidOperationException">A declared tensor was not written.</exception>
    public void Complete()
    {
        Current().Finish();
        if (_writers.Count < _plan.Count)
            throw new InvalidOperationException($"Tensor {_plan[_writers.Count][0].Name} was declared but not written.");
        var published = new List<string>();
        try
        {
            // Without index and single file the folder holds no checkpoint for any reader, until the last step below.
            if (_plan.Count > 1) Delete(CheckpointFiles.Single);
            Delete(CheckpointFiles.Index);
            foreach (string stale in StaleShards()) Delete(stale);
            for (int i = 0; i < _writers.Count; i++)
            {
                _writers[i].Publish();
                published.Add(FileNames[i]);
            }

            if (_plan.Count > 1) WriteIndex();
        }
        catch
        {
            foreach (string name in published) Delete(name);
            throw;
        }
    }

    /// <summary>Deletes all unfinished files; does nothing after <see cref="Complete"/>.</summary>
    public void Dispose()
    {
        foreach (var writer in _writers) writer.Dispose();
    }

    private static List<List<TensorDeclaration>> Plan(IReadOnlyList<TensorDeclaration> tensors, long maxShardBytes)
    {
        var plan = new List<List<TensorDeclaration>> { new() };
        long bytes = 0;
        foreach (var tensor in tensors)
        {
            if (plan[^1].Count > 0 && bytes + tensor.LengthBytes > maxShardBytes)
            {
                plan.Add([]);
                bytes = 0;
            }

            plan[^1].Add(tensor);
            bytes += tensor.LengthBytes;
        }

        return plan;
    }

    /// <summary>The shard being written; the next one is begun when all tensors of the last are there.</summary>
    private SafetensorsWriter Current()
    {
        if (_writers.Count > 0 && (_writtenInShard < _plan[_writers.Count - 1].Count || _writers.Count == _plan.Count)) return _writers[^1];
        if (_writers.Count > 0) _writers[^1].Finish();
        int shard = _writers.Count;
        _writers.Add(SafetensorsWriter.Create(Path.Combine(_folder, FileNames[shard]), _plan[shard], _metadata));
        _writtenInShard = 0;
        return _writers[^1];
    }

    private void WriteIndex()
    {
        var weightMap = _plan.SelectMany((shard, i) => shard.Select(tensor => new KeyValuePair<string, string>(tensor.Name, FileNames[i])));
        long total = _plan.Sum(shard => shard.Sum(tensor => tensor.LengthBytes));
        AtomicFile.WriteAllText(Path.Combine(_folder, CheckpointFiles.Index), CheckpointFiles.IndexText(weightMap, total));
    }

    private IEnumerable<string> StaleShards() => Directory.GetFiles(_folder, "model-*.safetensors")
        .Select(file => Path.GetFileName(file))
        .Where(name => CheckpointFiles.ShardName().IsMatch(name));

    private void Delete(string name)
    {
        string path = Path.Combine(_folder, name);
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(path, e);
        }
    }
}
