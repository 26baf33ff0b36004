using Lapidary.Engine.Cuda.Device;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine.Cuda.Loading;

/// <summary>Copies large weights from pageable memory, such as a mapped file, to the device through two pinned buffers: all cores fill one,
/// so that pages are read in parallel, while the device reads the other.</summary>
internal sealed unsafe class HostStaging : IDisposable
{
    /// <summary>Bytes of a buffer: enough to hide the start of copies, and a multiple of every block of scales.</summary>
    public const int BufferBytes = 16 << 20;

    /// <summary>Bytes that a core copies at a time.</summary>
    private const int PieceBytes = 256 << 10;

    private readonly CudaContext _context;
    private readonly PinnedBuffer[] _buffers = new PinnedBuffer[2];
    private int _next;

    public HostStaging(CudaContext context)
    {
        _context = context;
        context.MakeCurrent();
        foreach (ref var buffer in _buffers.AsSpan())
        {
            void* address;
            nint free;
            Check(cuMemHostAlloc(&address, BufferBytes, HostAllocDeviceMap));
            buffer.Address = (nint)address;
            Check(cuEventCreate(&free, EventDisableTiming));
            buffer.Free = free;
        }
    }

    /// <summary>Copies host memory to pinned memory, buffer by buffer. <paramref name="queue"/> is called for each in order and queues the
    /// work that reads it on the context's stream. The buffer is filled again when that work is done. When this returns, the source has
    /// been read.</summary>
    /// <param name="source">Host memory.</param>
    /// <param name="lengthBytes">Its length.</param>
    /// <param name="queue">Receives the buffer's address (the same on host and device), the offset in the source and the length.</param>
    public void Stream(byte* source, long lengthBytes, Action<nint, long, int> queue)
    {
        _context.MakeCurrent();
        for (long offset = 0; offset < lengthBytes; offset += BufferBytes)
        {
            var buffer = _buffers[_next];
            _next = (_next + 1) % _buffers.Length;
            int length = (int)Math.Min(BufferBytes, lengthBytes - offset);
            Check(cuEventSynchronize(buffer.Free));
            Copy(source + offset, (byte*)buffer.Address, length);
            queue(buffer.Address, offset, length);
            Check(cuEventRecord(buffer.Free, _context.Stream));
        }
    }

    public void Dispose()
    {
        _context.MakeCurrent();
        Check(cuStreamSynchronize(_context.Stream));
        foreach (var buffer in _buffers)
        {
            if (buffer.Free != 0) Check(cuEventDestroy(buffer.Free));
            if (buffer.Address != 0) Check(cuMemFreeHost((void*)buffer.Address));
        }
    }

    private static void Copy(byte* source, byte* destination, int length) =>
        Parallel.For(0, (length + PieceBytes - 1) / PieceBytes, piece =>
        {
            int first = piece * PieceBytes, bytes = Math.Min(PieceBytes, length - first);
            Buffer.MemoryCopy(source + first, destination + first, bytes, bytes);
        });

    /// <summary>Pinned memory, and the event after the last work that reads it.</summary>
    private struct PinnedBuffer
    {
        public nint Address, Free;
    }
}
