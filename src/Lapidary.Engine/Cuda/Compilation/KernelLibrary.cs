using System.Collections.Concurrent;
using Lapidary.Formats;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine.Cuda.Compilation;

/// <summary>All kernels of the assembly, compiled for one device (or taken from the cache) and loaded on it.</summary>
internal sealed unsafe class KernelLibrary : IDisposable
{
    /// <summary>The oldest CUDA version that a driver must support to capture programmatic dependent launches.</summary>
    private static readonly Version EarlyStartDriver = new(12, 3);

    private readonly Dictionary<string, nint> _modules = [];

    /// <summary>Compiles what the cache lacks, files in parallel, and loads everything into the current context.</summary>
    public KernelLibrary(KernelTarget target, KernelCache cache)
    {
        HasClusters = target.HasClusters;
        HasWarpgroups = target.HasWarpgroups;
        StartEarly = target.WaitsForPrevious && CudaLibraries.Require(CudaLibrary.Driver).Version >= EarlyStartDriver;
        foreach (var (file, image) in Images(target, cache))
        {
            nint module;
            fixed (byte* first = image) Check(cuModuleLoadData(&module, first), $"loading {file}");
            _modules.Add(file, module);
        }
    }

    /// <summary>Whether a kernel may start before its predecessor has ended.</summary>
    public bool StartEarly { get; }

    /// <summary>Whether warpgroups multiply together.</summary>
    public bool HasWarpgroups { get; }

    /// <summary>Whether kernels may run in clusters of blocks.</summary>
    public bool HasClusters { get; }

    /// <summary>Images of all files that the target needs.</summary>
    public static IReadOnlyDictionary<string, byte[]> Images(KernelTarget target, KernelCache cache)
    {
        ConcurrentDictionary<string, byte[]> images = [];
        ConcurrentQueue<LapidaryException> errors = [];
        Parallel.ForEach(KernelSources.FilesFor(target), file =>
        {
            try
            {
                images[file] = Image(KernelSources.Read(file), target, cache);
            }
            catch (LapidaryException error)
            {
                errors.Enqueue(error);
            }
        });
        return errors.TryDequeue(out var first) ? throw first : images;
    }

    /// <summary>CUfunction of a kernel.</summary>
    public nint Function(string file, string name)
    {
        nint function;
        Check(cuModuleGetFunction(&function, _modules[file], name), $"finding {name} in {file}");
        return function;
    }

    public void Dispose()
    {
        foreach (nint module in _modules.Values) Check(cuModuleUnload(module));
        _modules.Clear();
    }

    private static byte[] Image(KernelSource source, KernelTarget target, KernelCache cache) => cache.GetOrAdd(
        KernelCache.Key(source, KernelSources.Headers, [.. KernelCompiler.Options, .. target.Options], target, KernelCompiler.Version),
        () => KernelCompiler.Compile(source, KernelSources.Headers, target));
}
