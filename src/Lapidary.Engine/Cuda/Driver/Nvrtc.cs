using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lapidary.Formats;

namespace Lapidary.Engine.Cuda.Driver;

/// <summary>The used part of NVRTC, NVIDIA's run-time compiler. Results are nvrtcResult, 0 for success.</summary>
internal static unsafe partial class Nvrtc
{
    private const string Library = CudaLibraries.NvrtcName;

    static Nvrtc() => CudaLibraries.Register();

    /// <summary>Throws if a call failed; the message quotes the call.</summary>
    public static void Check(int result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != 0)
            throw new LapidaryException($"NVRTC: {call} failed: {Marshal.PtrToStringUTF8((nint)nvrtcGetErrorString(result))}.");
    }

    [LibraryImport(Library)]
    public static partial byte* nvrtcGetErrorString(int result);

    [LibraryImport(Library)]
    public static partial int nvrtcVersion(int* major, int* minor);

    [LibraryImport(Library)]
    public static partial int nvrtcGetNumSupportedArchs(int* count);

    [LibraryImport(Library)]
    public static partial int nvrtcGetSupportedArchs(int* architectures);

    [LibraryImport(Library)]
    public static partial int nvrtcCreateProgram(
        nint* program, byte* source, byte* name, int headerCount, byte** headers, byte** headerNames);

    [LibraryImport(Library)]
    public static partial int nvrtcDestroyProgram(nint* program);

    [LibraryImport(Library)]
    public static partial int nvrtcCompileProgram(nint program, int optionCount, byte** options);

    [LibraryImport(Library)]
    public static partial int nvrtcGetProgramLogSize(nint program, nuint* lengthBytes);

    [LibraryImport(Library)]
    public static partial int nvrtcGetProgramLog(nint program, byte* log);

    [LibraryImport(Library)]
    public static partial int nvrtcGetCUBINSize(nint program, nuint* lengthBytes);

    [LibraryImport(Library)]
    public static partial int nvrtcGetCUBIN(nint program, byte* image);

    [LibraryImport(Library)]
    public static partial int nvrtcGetPTXSize(nint program, nuint* lengthBytes);

    [LibraryImport(Library)]
    public static partial int nvrtcGetPTX(nint program, byte* image);
}
