using System.Runtime.InteropServices;

namespace Lapidary.Formats.Files;

/// <summary>A second name for a file's content. It stays when the first name is deleted or reused.</summary>
internal static partial class HardLink
{
    /// <summary>Creates the link; or a copy, if the file system has no hard links or the paths are on different ones.</summary>
    /// <exception cref="IOException">The copy fails too.</exception>
    public static void CreateOrCopy(string existing, string name)
    {
        if (!Create(existing, name)) File.Copy(existing, name);
    }

    private static bool Create(string existing, string name)
    {
        if (OperatingSystem.IsWindows()) return CreateHardLink(name, existing, 0);
        return (OperatingSystem.IsLinux() || OperatingSystem.IsMacOS()) && Link(existing, name) == 0;
    }

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string existing, string name);

    [LibraryImport("kernel32", EntryPoint = "CreateHardLinkW", StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CreateHardLink(string name, string existing, nint security);
}
