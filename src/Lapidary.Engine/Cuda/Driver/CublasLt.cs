using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lapidary.Formats;

namespace Lapidary.Engine.Cuda.Driver;

/// <summary>The used part of cuBLASLt. Matrices are column-major; results are cublasStatus_t, 0 for success.</summary>
internal static unsafe partial class CublasLt
{
    /// <summary>cublasComputeType_t CUBLAS_COMPUTE_32F.</summary>
    public const int Compute32F = 68;

    /// <summary>cublasLtMatmulDescAttributes_t CUBLASLT_MATMUL_DESC_TRANSA.</summary>
    public const int DescTransA = 3;

    /// <summary>cublasLtMatmulDescAttributes_t CUBLASLT_MATMUL_DESC_TRANSB.</summary>
    public const int DescTransB = 4;

    /// <summary>cublasOperation_t CUBLAS_OP_T.</summary>
    public const int Transposed = 1;

    /// <summary>cublasLtMatmulPreferenceAttributes_t CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES.</summary>
    public const int PreferenceMaxWorkspaceBytes = 1;

    /// <summary>cublasLtMatmulPreferenceAttributes_t CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK: how parts of sums may be added, if a sum
    /// is split at all.</summary>
    public const int PreferenceReductionSchemes = 3;

    /// <summary>cublasLtReductionScheme_t CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE: in the workspace, in the type of sums.</summary>
    public const uint ReductionInComputeType = 2;

    /// <summary>The first of four attributes, for A, B, C and D: CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES.</summary>
    public const int PreferenceMinAlignmentBytesOfA = 5;

    private const string Library = CudaLibraries.CublasLtName;

    static CublasLt() => CudaLibraries.Register();

    /// <summary>An algorithm and its properties: cublasLtMatmulHeuristicResult_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct HeuristicResult
    {
        public Algorithm Algorithm;
        public nuint WorkspaceBytes;
        public int State;
        public float WavesCount;
        private fixed int _reserved[4];
    }

    /// <summary>cublasLtMatmulAlgo_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Algorithm
    {
        private fixed ulong _data[8];
    }

    /// <summary>Element types: cudaDataType_t.</summary>
    public static int DataType(DType dtype) => dtype switch
    {
        DType.Float32 => 0,
        DType.Float16 => 2,
        DType.BFloat16 => 14,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype)),
    };

    /// <summary>Throws if a call failed; the message quotes the call.</summary>
    public static void Check(int result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != 0)
            throw new LapidaryException($"cuBLASLt: {call} failed: {Marshal.PtrToStringUTF8((nint)cublasLtGetStatusName(result))}.");
    }

    [LibraryImport(Library)]
    public static partial byte* cublasLtGetStatusName(int result);

    [LibraryImport(Library)]
    public static partial nuint cublasLtGetVersion();

    [LibraryImport(Library)]
    public static partial int cublasLtCreate(nint* handle);

    [LibraryImport(Library)]
    public static partial int cublasLtDestroy(nint handle);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmulDescCreate(nint* desc, int computeType, int scaleType);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmulDescSetAttribute(nint desc, int attribute, void* value, nuint lengthBytes);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmulDescDestroy(nint desc);

    [LibraryImport(Library)]
    public static partial int cublasLtMatrixLayoutCreate(nint* layout, int dataType, ulong rows, ulong columns, long leadingDimension);

    [LibraryImport(Library)]
    public static partial int cublasLtMatrixLayoutDestroy(nint layout);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmulPreferenceCreate(nint* preference);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmulPreferenceSetAttribute(nint preference, int attribute, void* value, nuint lengthBytes);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmulPreferenceDestroy(nint preference);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmulAlgoGetHeuristic(
        nint handle, nint desc, nint layoutA, nint layoutB, nint layoutC, nint layoutD, nint preference, int requested,
        HeuristicResult* results, int* found);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmul(
        nint handle, nint desc, void* alpha, void* a, nint layoutA, void* b, nint layoutB, void* beta, void* c, nint layoutC,
        void* d, nint layoutD, Algorithm* algorithm, void* workspace, nuint workspaceBytes, nint stream);
}
