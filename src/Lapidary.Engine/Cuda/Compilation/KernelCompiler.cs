using System.Runtime.InteropServices;
using System.Text;
using Lapidary.Formats;
using static Lapidary.Engine.Cuda.Driver.Nvrtc;

namespace Lapidary.Engine.Cuda.Compilation;

/// <summary>Compiles CUDA C++ by NVRTC. Files keep their names, so that errors and profilers name file and line.</summary>
internal static unsafe class KernelCompiler
{
    private const int CompilationError = 6;

    /// <summary>Options besides the architecture. Fast but inexact mathematics (--use_fast_math) is not among them: kernels that want an
    /// approximate instruction name it.</summary>
    /// <remarks>Line numbers for profilers only from version 12 on: 11.8 crashes on -lineinfo with most kernels for sm_90.</remarks>
    public static IReadOnlyList<string> Options => Version.Major >= 12 ? ["--std=c++17", "-lineinfo"] : ["--std=c++17"];

    /// <summary>NVRTC's version.</summary>
    public static Version Version => CudaLibraries.Require(CudaLibrary.Nvrtc).Version;

    /// <summary>Numbers of the architectures this NVRTC compiles for: 80, 86, 89, 90.</summary>
    public static IReadOnlyList<int> SupportedArchitectures()
    {
        int count;
        Check(nvrtcGetNumSupportedArchs(&count));
        int[] numbers = new int[count];
        fixed (int* first = numbers) Check(nvrtcGetSupportedArchs(first));
        return numbers;
    }

    /// <summary>Compiles a file to a CUBIN or PTX image.</summary>
    /// <exception cref="LapidaryException">The file has an error; the message ends with NVRTC's log.</exception>
    public static byte[] Compile(KernelSource source, IReadOnlyList<KernelSource> headers, KernelTarget target)
    {
        using var text = new NativeStrings([source.Text, source.File]);
        using var headerTexts = new NativeStrings([.. headers.Select(header => header.Text)]);
        using var headerNames = new NativeStrings([.. headers.Select(header => header.File)]);
        using var options = new NativeStrings([.. Options, .. target.Options, "--gpu-architecture=" + target.Architecture]);
        nint program;
        Check(nvrtcCreateProgram(&program, text.Pointers[0], text.Pointers[1], headers.Count, headerTexts.Pointers, headerNames.Pointers));
        try
        {
            int result = nvrtcCompileProgram(program, options.Count, options.Pointers);
            if (result == CompilationError)
            {
                throw new LapidaryException(
                    $"{source.File} does not compile for {target.Architecture} with NVRTC {Version}:\n{Log(program)}");
            }

            Check(result, $"compiling {source.File} for {target.Architecture}");
            return Image(program, target.IsPtx);
        }
        finally
        {
            _ = nvrtcDestroyProgram(&program);
        }
    }

    private static byte[] Image(nint program, bool ptx)
    {
        nuint length;
        Check(ptx ? nvrtcGetPTXSize(program, &length) : nvrtcGetCUBINSize(program, &length));
        byte[] image = new byte[length];
        fixed (byte* first = image) Check(ptx ? nvrtcGetPTX(program, first) : nvrtcGetCUBIN(program, first));
        return image;
    }

    private static string Log(nint program)
    {
        nuint length;
        Check(nvrtcGetProgramLogSize(program, &length));
        byte[] log = new byte[length];
        fixed (byte* first = log) Check(nvrtcGetProgramLog(program, first));
        return Encoding.UTF8.GetString(log).TrimEnd('\0', '\n');
    }

    /// <summary>Zero-terminated UTF-8 strings in native memory.</summary>
    private sealed class NativeStrings : IDisposable
    {
        public NativeStrings(string[] strings)
        {
            Count = strings.Length;
            Pointers = (byte**)NativeMemory.AllocZeroed((nuint)Math.Max(1, Count), (nuint)sizeof(byte*));
            for (int i = 0; i < Count; i++) Pointers[i] = (byte*)Marshal.StringToCoTaskMemUTF8(strings[i]);
        }

        public int Count { get; }

        public byte** Pointers { get; }

        public void Dispose()
        {
            for (int i = 0; i < Count; i++) Marshal.FreeCoTaskMem((nint)Pointers[i]);
            NativeMemory.Free(Pointers);
        }
    }
}
