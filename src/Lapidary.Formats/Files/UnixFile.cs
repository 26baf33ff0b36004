using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Lapidary.Formats.Files;

/// <summary>Opens a file on Linux and macOS without blocking. .NET's open blocks on a pipe until its other end is opened, possibly forever,
/// and does not distinguish pipes and devices from files.</summary>
internal static partial class UnixFile
{
    // errno values that both systems have in common.
    private const int NotFound = 2, NoSuchDevice = 6, NoAccess = 13, NoFolder = 20;

    // The kinds of a file in the mode that stat tells (POSIX: S_IFMT and its values, the same on both systems).
    private const int KindMask = 0xF000, Pipe = 0x1000, CharacterDevice = 0x2000, Folder = 0x4000, BlockDevice = 0x6000, Ordinary = 0x8000;
    private const int Socket = 0xC000;

    // openat(2) and statx(2) of Linux; sys/fcntl.h of macOS.
    private const int LinuxReadOnly = 0x800 | 0x80000 /* O_NONBLOCK | O_CLOEXEC */, MacReadOnly = 0x4 | 0x1000000;
    private const int AtEmptyPath = 0x1000, StatxType = 1, CurrentFolder = -100;

    // More than either structure has.
    private const int StatusBytes = 512;

    /// <summary>The open file, or null if it is not an ordinary file; <paramref name="found"/> then names its kind.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be opened.</exception>
    public static FileStream? Open(string path, out string? found)
    {
        found = null;
        int descriptor = OpenFile(path, OperatingSystem.IsLinux() ? LinuxReadOnly : MacReadOnly);
        if (descriptor < 0)
        {
            int error = Marshal.GetLastPInvokeError();
            if (error == NoSuchDevice) found = "a socket or a device";
            return found is not null ? null : throw Failure(path, error);
        }

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        try
        {
            found = Kind(Mode(descriptor));
            if (found is null) return new FileStream(handle, FileAccess.Read, bufferSize: 0);
        }
        catch
        {
            handle.Dispose();
            throw;
        }

        handle.Dispose();
        return null;
    }

    /// <summary>What a path leads to, if it is there and is no ordinary file; else null. It is not opened.</summary>
    public static string? KindOf(string path) => TryMode(path, out int mode) ? Kind(mode) : null;

    private static string? Kind(int mode) => (mode & KindMask) switch
    {
        Ordinary => null,
        Folder => "a folder",
        Pipe => "a pipe",
        CharacterDevice or BlockDevice => "a device",
        Socket => "a socket",
        _ => "neither a file nor a folder",
    };

    private static Exception Failure(string path, int error)
    {
        string message = Marshal.GetPInvokeErrorMessage(error);
        return error switch
        {
            NotFound => new FileNotFoundException(message, path),
            NoFolder => new DirectoryNotFoundException(message),
            NoAccess => new UnauthorizedAccessException(message),
            _ => new IOException(message, error),
        };
    }

    private static unsafe int Mode(int descriptor)
    {
        byte* status = stackalloc byte[StatusBytes];
        bool isLinux = OperatingSystem.IsLinux();
        int result = isLinux
            ? Statx(descriptor, "", AtEmptyPath, StatxType, status)
            : RuntimeInformation.ProcessArchitecture == Architecture.X64 ? FstatX64(descriptor, status) : Fstat(descriptor, status);
        if (result != 0) throw new IOException(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));
        return ModeIn(status);
    }

    private static unsafe bool TryMode(string path, out int mode)
    {
        byte* status = stackalloc byte[StatusBytes];
        int result = OperatingSystem.IsLinux()
            ? Statx(CurrentFolder, path, 0, StatxType, status)
            : RuntimeInformation.ProcessArchitecture == Architecture.X64 ? StatX64(path, status) : Stat(path, status);
        mode = result == 0 ? ModeIn(status) : 0;
        return result == 0;
    }

    /// <summary>st_mode: statx has it at byte 28 on every processor; macOS behind a device number of four bytes.</summary>
    private static unsafe int ModeIn(byte* status) => *(ushort*)(status + (OperatingSystem.IsLinux() ? 28 : 4));

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Statx(int folder, string path, int flags, uint mask, byte* status);

    [LibraryImport("libc", EntryPoint = "fstat", SetLastError = true)]
    private static unsafe partial int Fstat(int descriptor, byte* status);

    [LibraryImport("libc", EntryPoint = "fstat$INODE64", SetLastError = true)]
    private static unsafe partial int FstatX64(int descriptor, byte* status);

    [LibraryImport("libc", EntryPoint = "stat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Stat(string path, byte* status);

    [LibraryImport("libc", EntryPoint = "stat$INODE64", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int StatX64(string path, byte* status);
}
