using System.Runtime.InteropServices;

namespace Lapidary.Cli.Output;

/// <summary>Standard output or error on Linux and macOS. The console's own stream reports no error if the reader is gone, so a command
/// would continue to write to nobody.</summary>
/// <param name="descriptor">1 or 2.</param>
internal sealed partial class StandardStream(int descriptor) : Stream
{
    private const int GetFlags = 1, CloseOnExec = 1; // F_GETFD and FD_CLOEXEC

    // errno: a signal interrupted the call; the pipe is full and non-blocking (EAGAIN on Linux, on macOS).
    private const int Interrupted = 4, Full = 11, FullOnMac = 35;

    /// <summary>Whether the process was started with this descriptor open. If not, one of the runtime's files has the number, and no text
    /// must be written to it. Those files are marked close-on-exec; inherited descriptors are not.</summary>
    /// <param name="descriptor">0, 1 or 2.</param>
    public static bool IsOpen(int descriptor) =>
        OperatingSystem.IsWindows() || FileControl(descriptor, GetFlags) is >= 0 and var flags && (flags & CloseOnExec) == 0;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Flush()
    {
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override unsafe void Write(ReadOnlySpan<byte> buffer)
    {
        if (buffer.Length > 0 && !IsOpen(descriptor)) throw new IOException("it is closed");
        while (buffer.Length > 0)
        {
            nint written;
            fixed (byte* bytes = buffer) written = WriteBytes(descriptor, bytes, (nuint)buffer.Length);
            if (written >= 0)
            {
                buffer = buffer[(int)written..];
                continue;
            }

            int error = Marshal.GetLastPInvokeError();
            if (error is Full or FullOnMac) Thread.Sleep(1);
            else if (error != Interrupted) throw new IOException(Marshal.GetPInvokeErrorMessage(error), error);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int FileControl(int descriptor, int command);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static unsafe partial nint WriteBytes(int descriptor, byte* bytes, nuint count);
}
