using System.Runtime.InteropServices;
using System.Text;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Reads what a CUBIN, an ELF64 file, says of its kernels.</summary>
internal sealed class Cubin
{
    // Entries of the section .nv.info: a byte each of format and attribute, then two bytes of value, or of length where the value follows.
    private const byte LengthFollowedByValue = 4, FrameSize = 0x11, MinStackSize = 0x12;

    private const string Code = ".text.";

    /// <summary>Of Volta and later.</summary>
    private const int InstructionBytes = 16;

    private readonly byte[] _image;
    private readonly Dictionary<string, SectionHeader> _sections = [];

    public Cubin(byte[] image)
    {
        _image = image;
        long start = At<long>(0x28);
        int size = At<ushort>(0x3A), count = At<ushort>(0x3C), names = At<ushort>(0x3E);
        SectionHeader[] headers = [.. Enumerable.Range(0, count).Select(i => At<SectionHeader>(start + ((long)i * size)))];
        foreach (var header in headers) _sections.TryAdd(Text(headers[names], header.Name), header);
    }

    /// <summary>Names of the kernels: each has a section of code.</summary>
    public IEnumerable<string> Kernels =>
        _sections.Keys.Where(name => name.StartsWith(Code, StringComparison.Ordinal)).Select(name => name[Code.Length..]);

    /// <summary>Registers of each thread of a kernel.</summary>
    public int Registers(string kernel) => (int)(_sections[Code + kernel].Info >> 24);

    /// <summary>The instructions of a kernel's code, in the order of its bytes, by the twelve bits that tell them apart. What only fills
    /// the section's end is not among them.</summary>
    public ushort[] Instructions(string kernel)
    {
        const int OpcodeBits = 0xFFF, Nop = 0x918;
        var code = _sections[Code + kernel];
        ushort[] opcodes = [.. Enumerable.Range(0, (int)(code.Size / InstructionBytes))
            .Select(i => (ushort)(At<ushort>(code.Offset + ((long)i * InstructionBytes)) & OpcodeBits))];
        return opcodes[..(Array.FindLastIndex(opcodes, opcode => opcode != Nop) + 1)];
    }

    /// <summary>Bytes of local memory that each thread of a kernel has for arrays, spilled registers and calls.</summary>
    public IReadOnlyDictionary<string, uint> LocalBytes()
    {
        Dictionary<string, uint> bytes = [];
        var info = _sections[".nv.info"];
        long end = info.Offset + info.Size;
        for (long at = info.Offset; at < end;)
        {
            var (format, attribute, length) = (_image[at], _image[at + 1], At<ushort>(at + 2));
            at += 4;
            if (format != LengthFollowedByValue) continue;
            if (attribute is FrameSize or MinStackSize)
            {
                string function = Symbol(At<uint>(at));
                bytes[function] = Math.Max(bytes.GetValueOrDefault(function), At<uint>(at + 4));
            }

            at += length;
        }

        return bytes;
    }

    /// <summary>Bytes of shared memory that a kernel has besides those that a launch asks for.</summary>
    public long SharedBytes(string kernel) => _sections.TryGetValue(".nv.shared." + kernel, out var section) ? section.Size : 0;

    private string Symbol(uint index)
    {
        const int EntryBytes = 24;
        return Text(_sections[".strtab"], At<uint>(_sections[".symtab"].Offset + (index * EntryBytes)));
    }

    private string Text(SectionHeader strings, uint offset)
    {
        var text = _image.AsSpan(checked((int)(strings.Offset + offset)));
        return Encoding.ASCII.GetString(text[..text.IndexOf((byte)0)]);
    }

    private T At<T>(long offset)
        where T : unmanaged => MemoryMarshal.Read<T>(_image.AsSpan(checked((int)offset)));

    /// <summary>Elf64_Shdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct SectionHeader(
        uint Name, uint Type, ulong Flags, ulong Address, long Offset, long Size, uint Link, uint Info, ulong Alignment, ulong EntryBytes);
}
