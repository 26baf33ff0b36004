using System.Runtime.InteropServices;

namespace Lapidary.Engine.Distributed;

/// <summary>The environment that native libraries see. .NET's own is a copy of it.</summary>
internal static partial class NativeEnvironment
{
    /// <summary>Sets a variable, unless the user has.</summary>
    public static void SetDefault(string name, string value) => _ = SetVariable(name, value, overwrite: 0);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
