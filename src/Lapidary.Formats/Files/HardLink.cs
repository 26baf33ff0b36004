using System.Runtime.InteropServices;

namespace Lapidary.Formats.Files;

/// <summary>A second name for a file's content, which stays when the first name is deleted or given to another file.</summary>
internal static partial class HardLink
{
    /// <summary>Makes the name; where the file system has no such links, or both are on different ones, a copy.</summary>
    /// <exception cref="IOException">That fails too.</exception>
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
