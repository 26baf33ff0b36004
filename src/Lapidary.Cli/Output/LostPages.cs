using System.Runtime.InteropServices;
using System.Text;

namespace Lapidary.Cli.Output;

/// <summary>The message of the process when pages of a mapped weights file disappear: another program truncated the file while it was in
/// use, or its disk failed. The system then sends SIGBUS, on which .NET would print its stack and abort.</summary>
/// <remarks>No managed code may run in such a handler, so it consists of a few machine instructions that write one line and end the
/// process. Linux on x64 only; elsewhere .NET's behaviour stays (ADR 0017).</remarks>
internal static unsafe partial class LostPages
{
    private const string Line =
        "lapidary: a weights file that is in use was cut short, or its disk failed; what was saved before is whole. "
        + "Put the model's files back and start again (a training goes on with --resume).\n";

    private const int BusError = 7, OnSignalStack = 0x08000000; // SIGBUS and SA_ONSTACK of Linux
    private const int Read = 1, Write = 2, Execute = 4, PrivateAnonymous = 0x22; // PROT_* and MAP_PRIVATE | MAP_ANONYMOUS
    private const int TextOffset = 64;

    /// <summary>Installs the handler.</summary>
    public static void Explain()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64) return;
        byte[] text = Encoding.ASCII.GetBytes(Line);
        nuint length = (nuint)Environment.SystemPageSize;
        byte* page = (byte*)Map(0, length, Read | Write, PrivateAnonymous, -1, 0);
        if (page == (byte*)-1) return;
        text.CopyTo(new Span<byte>(page + TextOffset, text.Length));
        Code(page + TextOffset, text.Length).CopyTo(new Span<byte>(page, TextOffset));
        if (Protect(page, length, Read | Execute) != 0) return; // a system that lets no program make code

        var action = new SignalAction { Handler = page, Flags = OnSignalStack };
        _ = SetAction(BusError, &action, null);
    }

    /// <summary>write(2, text, length); exit_group(1).</summary>
    private static byte[] Code(byte* text, int length) =>
    [
        0xBF, 2, 0, 0, 0, // mov edi, 2
        0x48, 0xBE, .. BitConverter.GetBytes((long)text), // mov rsi, text
        0xBA, .. BitConverter.GetBytes(length), // mov edx, length
        0xB8, 1, 0, 0, 0, // mov eax, 1: write
        0x0F, 0x05, // syscall
        0xBF, 1, 0, 0, 0, // mov edi, 1
        0xB8, 231, 0, 0, 0, // mov eax, 231: exit_group
        0x0F, 0x05, // syscall
    ];

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(byte* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static partial int SetAction(int signal, SignalAction* action, SignalAction* previous);

    // struct sigaction of glibc and musl.
    [StructLayout(LayoutKind.Sequential)]
    private struct SignalAction
    {
        public byte* Handler;
        public fixed byte Mask[128];
        public int Flags;
        public byte* Restorer;
    }
}
