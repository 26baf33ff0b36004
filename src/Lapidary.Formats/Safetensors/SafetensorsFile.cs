using System.Buffers.Binary;
using System.Collections.Frozen;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Lapidary.Formats.Files;
using Lapidary.Formats.Safetensors;

namespace Lapidary.Formats;

/// <summary>A safetensors file, memory-mapped: opening reads the header only, and a tensor's pages are read when it is first
/// used.</summary>
/// <remarks>The file must not be changed while it is open. Every access to a tensor checks this. If the file is truncated after the check,
/// reading a lost page ends the process (in the tool, with a line that says so). Members may be called from several threads.</remarks>
public sealed class SafetensorsFile : IDisposable
{
    private const int Alignment = 64, LengthBytes = 8;

    private readonly FileStream _file;
    private readonly long _length;
    private readonly DateTime _written;
    private readonly MemoryMappedFile _mapping;
    private readonly MemoryMappedViewAccessor _view;
    private readonly FrozenDictionary<string, SafetensorsEntry> _byName;
    private readonly Dictionary<string, nint> _alignedCopies = [];
    private readonly Lock _lock = new();
    private nint _base;

    private unsafe SafetensorsFile(string path, FileStream file)
    {
        (Path, _file, _length, _written) = (path, file, file.Length, File.GetLastWriteTimeUtc(file.SafeFileHandle));
        byte[] header = ReadHeader();
        long dataStart = LengthBytes + header.Length;
        var parsed = SafetensorsHeader.Parse(path, header, dataStart, _length - dataStart);
        (Entries, Metadata) = (parsed.Entries, parsed.Metadata);
        _byName = parsed.Entries.ToFrozenDictionary(entry => entry.Name);
        _mapping = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = _mapping.CreateViewAccessor(0, _length, MemoryMappedFileAccess.Read);
        byte* pointer = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
        _base = (nint)(pointer + _view.PointerOffset);
    }

    /// <summary>The path it was opened by.</summary>
    public string Path { get; }

    /// <summary>All tensors in the order of their bytes.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries { get; }

    /// <summary>The header's free-form strings, such as "format": "pt".</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Maps a file and checks its whole header.</summary>
    /// <exception cref="LapidaryException">The file is absent, unreadable or damaged.</exception>
    public static SafetensorsFile Open(string path)
    {
        FileStream? file = null;
        try
        {
            file = InputFile.OpenRead(path, "a safetensors file");
            return new SafetensorsFile(path, file);
        }
        catch (Exception e)
        {
            file?.Dispose();
            if (FileErrors.IsFileSystem(e)) throw FileErrors.Reading(path, e);
            throw;
        }
    }

    /// <summary>Whether the file holds the tensor.</summary>
    public bool Contains(string name) => _byName.ContainsKey(name);

    /// <summary>The header's entry of a tensor.</summary>
    /// <exception cref="LapidaryException">The file has no tensor of this name.</exception>
    public SafetensorsEntry Entry(string name) => _byName.TryGetValue(name, out var entry)
        ? entry
        : throw new LapidaryException(
            $"{Path}: tensor {FileErrors.OneLine(name)}: expected it among the file's {Entries.Count} tensors, found none; "
            + "check that the file belongs to this model.");

    /// <summary>Address of a tensor's mapped bytes, valid until the file is disposed. If they are not aligned to the element type, they are
    /// copied once to memory that the file owns.</summary>
    /// <param name="entry">One of this file's entries, with at least one element.</param>
    /// <param name="alignment">Bytes of an element.</param>
    internal nint AlignedAddress(SafetensorsEntry entry, int alignment)
    {
        nint address = CheckedAddressOf(entry);
        return address % alignment == 0 ? address : AlignedCopy(entry, address);
    }

    /// <summary>The raw bytes of a tensor of any type, at most 2³¹ − 1, valid until the file is disposed.</summary>
    public unsafe ReadOnlySpan<byte> Bytes(string name)
    {
        var entry = Entry(name);
        return new ReadOnlySpan<byte>((void*)CheckedAddressOf(entry), checked((int)entry.LengthBytes));
    }

    /// <summary>Some of a tensor's raw bytes.</summary>
    internal unsafe ReadOnlySpan<byte> Bytes(SafetensorsEntry entry, long offset, int length)
    {
        if (offset < 0 || length < 0 || offset + length > entry.LengthBytes) throw new ArgumentOutOfRangeException(nameof(offset));
        return new ReadOnlySpan<byte>((byte*)AddressOf(entry) + offset, length);
    }

    /// <summary>Copies the raw bytes of a tensor of any type and size to a stream.</summary>
    public void CopyTo(string name, Stream destination)
    {
        var entry = Entry(name);
        NativeBytes.CopyTo(CheckedAddressOf(entry), entry.LengthBytes, destination);
    }

    /// <summary>Reports that a tensor's bytes are not needed again soon, so that the system can reuse their memory.</summary>
    public void Release(string name)
    {
        var entry = Entry(name);
        MappedPages.Release(AddressOf(entry), entry.LengthBytes);
    }

    /// <summary>The same for a part of a tensor.</summary>
    internal void ReleasePart(SafetensorsEntry entry, long offset, int length) =>
        MappedPages.Release(AddressOf(entry) + (nint)offset, length);

    /// <summary>Unmaps the file; its tensors must not be used afterwards.</summary>
    public unsafe void Dispose()
    {
        lock (_lock)
        {
            foreach (nint copy in _alignedCopies.Values) NativeMemory.AlignedFree((void*)copy);
            _alignedCopies.Clear();
            Unmap();
        }
    }

    private byte[] ReadHeader()
    {
        if (_length < LengthBytes)
        {
            throw new LapidaryException(
                $"{Path}: expected a safetensors file of at least {LengthBytes} bytes, found {_length}; download it again.");
        }

        Span<byte> prefix = stackalloc byte[LengthBytes];
        _file.ReadExactly(prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        long longest = Math.Min(SafetensorsHeader.MaxLengthBytes, _length - LengthBytes);
        if (length > (ulong)longest)
        {
            throw new LapidaryException($"{Path}: expected a header of at most {longest} bytes, found {length}; "
                + "this is no safetensors file or it was cut short, download it again.");
        }

        byte[] header = new byte[length];
        _file.ReadExactly(header);
        return header;
    }

    /// <summary>The address, after checking that the file has not changed since it was opened.</summary>
    private nint CheckedAddressOf(SafetensorsEntry entry)
    {
        nint address = AddressOf(entry);
        long length = RandomAccess.GetLength(_file.SafeFileHandle);
        if (length != _length)
        {
            throw new LapidaryException($"{Path}: had {_length} bytes when it was opened, has {length} now: something changed it while "
                + "it was in use; put the file back and start again.");
        }

        if (File.GetLastWriteTimeUtc(_file.SafeFileHandle) != _written)
        {
            throw new LapidaryException(
                $"{Path}: something wrote to it while it was in use; make sure that it is complete and start again.");
        }

        return address;
    }

    private nint AddressOf(SafetensorsEntry entry)
    {
        ObjectDisposedException.ThrowIf(_base == 0, this);
        return _base + (nint)entry.Offset;
    }

    private unsafe nint AlignedCopy(SafetensorsEntry entry, nint source)
    {
        lock (_lock)
        {
            if (_alignedCopies.TryGetValue(entry.Name, out nint copy)) return copy;
            copy = (nint)NativeMemory.AlignedAlloc((nuint)entry.LengthBytes, Alignment);
            NativeMemory.Copy((void*)source, (void*)copy, (nuint)entry.LengthBytes);
            return _alignedCopies[entry.Name] = copy;
        }
    }

    private void Unmap()
    {
        if (_base != 0) _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _base = 0;
        _view.Dispose();
        _mapping.Dispose();
        _file.Dispose();
    }
}
