using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Training.Data.Storage;

/// <summary>Bytes that are appended once and then read at any position, by several threads: in memory, and above a limit in a temporary
/// file.</summary>
/// <remarks>The file has no name from the start (on Windows, until it is closed), so nothing remains, however the process ends. It is read,
/// not mapped, so that the system's cache of it does not count as memory of the process.</remarks>
internal sealed class ByteStore
{
    /// <summary>Small enough to keep arrays out of .NET's large object heap.</summary>
    private const int BlockBytes = 64 << 10;

    private readonly long _memoryBytes;
    private readonly string? _folder;

    /// <summary>All bytes if there is no file; otherwise the bytes that are not in the file yet.</summary>
    private readonly List<byte[]> _blocks = [];
    private FileStream? _file;
    private long _fileStart, _fileBytes;

    /// <summary>Creates an empty store.</summary>
    /// <param name="memoryBytes">Bytes to keep in memory.</param>
    /// <param name="folder">Folder of the file; null for the system's folder of temporary files, which is also used if this folder cannot
    /// be written.</param>
    public ByteStore(long memoryBytes, string? folder) => (_memoryBytes, _folder) = (memoryBytes, folder);

    private ByteStore(FileStream file, long start, long length) => (_file, _fileStart, _fileBytes, Length) = (file, start, length, length);

    /// <summary>Number of bytes.</summary>
    public long Length { get; private set; }

    /// <summary>Wraps a part of a read-only file.</summary>
    /// <param name="file">The file; the store owns it afterwards.</param>
    /// <param name="start">The part's first byte.</param>
    /// <param name="length">Its bytes.</param>
    public static ByteStore OfFile(FileStream file, long start, long length) => new(file, start, length);

    /// <summary>Whether the bytes are in a file.</summary>
    public bool IsSpilled => _file is not null;

    /// <summary>Appends bytes.</summary>
    /// <exception cref="LapidaryException">The temporary file cannot be written.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int used = (int)((Length - _fileBytes) % BlockBytes);
            if (used == 0 && Length - _fileBytes == (long)_blocks.Count * BlockBytes) AddBlock();
            int count = Math.Min(bytes.Length, BlockBytes - used);
            bytes[..count].CopyTo(_blocks[^1].AsSpan(used));
            bytes = bytes[count..];
            Length += count;
        }
    }

    /// <summary>Copies bytes from any position.</summary>
    /// <exception cref="LapidaryException">The file cannot be read.</exception>
    public void Read(long offset, Span<byte> target)
    {
        if (offset < 0 || offset > Length - target.Length)
            throw new ArgumentOutOfRangeException(nameof(offset), $"{target.Length} bytes from {offset} on, of {Length}.");
        if (offset < _fileBytes)
        {
            int count = (int)Math.Min(target.Length, _fileBytes - offset);
            ReadFile(_fileStart + offset, target[..count]);
            offset += count;
            target = target[count..];
        }

        offset -= _fileBytes;
        while (!target.IsEmpty)
        {
            var block = _blocks[(int)(offset / BlockBytes)].AsSpan((int)(offset % BlockBytes));
            int count = Math.Min(block.Length, target.Length);
            block[..count].CopyTo(target);
            offset += count;
            target = target[count..];
        }
    }

    /// <summary>Passes on all bytes in order, in pieces.</summary>
    public void ReadAll(Action<ReadOnlyMemory<byte>> read)
    {
        byte[] buffer = new byte[16 * BlockBytes];
        for (long offset = 0; offset < Length;)
        {
            int count = (int)Math.Min(buffer.Length, Length - offset);
            Read(offset, buffer.AsSpan(0, count));
            read(buffer.AsMemory(0, count));
            offset += count;
        }
    }

    private void AddBlock()
    {
        if (_file is null && Length + BlockBytes > _memoryBytes && Length > 0) _file = CreateFile();
        if (_file is null || _blocks.Count == 0)
        {
            _blocks.Add(GC.AllocateUninitializedArray<byte>(BlockBytes));
            return;
        }

        // All blocks are full; the last one is reused.
        WriteFile();
        _blocks.RemoveRange(0, _blocks.Count - 1);
    }

    private void WriteFile()
    {
        try
        {
            foreach (byte[] block in _blocks)
            {
                RandomAccess.Write(_file!.SafeFileHandle, block, _fileBytes);
                _fileBytes += BlockBytes;
            }
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(_file!.Name, e);
        }
    }

    private void ReadFile(long offset, Span<byte> target)
    {
        try
        {
            while (!target.IsEmpty)
            {
                int read = RandomAccess.Read(_file!.SafeFileHandle, target, offset);
                if (read == 0) throw new LapidaryException($"{_file.Name}: became shorter while it was read; start again.");
                offset += read;
                target = target[read..];
            }
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(_file!.Name, e);
        }
    }

    private FileStream CreateFile()
    {
        string temporary = Path.GetTempPath();
        if (_folder is not null)
        {
            try
            {
                return CreateFile(CacheFolder.Create(_folder));
            }
            catch (Exception e) when (FileErrors.IsFileSystem(e))
            {
                // The folder cannot be written; the system's folder serves as well.
            }
        }

        try
        {
            return CreateFile(temporary);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(temporary, e);
        }
    }

    private static FileStream CreateFile(string folder)
    {
        string name = $"lapidary.{CacheFolder.TemporaryMark}{Path.GetRandomFileName().Replace(".", "", StringComparison.Ordinal)}";
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            BufferSize = 0,
            Options = OperatingSystem.IsWindows() ? FileOptions.DeleteOnClose : FileOptions.None,
        };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var file = new FileStream(Path.Combine(folder, name), options);
        if (!OperatingSystem.IsWindows()) File.Delete(file.Name);
        return file;
    }
}
