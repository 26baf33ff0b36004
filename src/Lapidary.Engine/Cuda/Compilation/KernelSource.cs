namespace Lapidary.Engine.Cuda.Compilation;

/// <summary>A CUDA C++ file.</summary>
/// <param name="File">Its name in messages and <c>#include</c>.</param>
/// <param name="Text">Its content.</param>
internal sealed record KernelSource(string File, string Text);
