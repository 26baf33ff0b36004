using System.Buffers;
using System.Net;
using Lapidary.Formats;

namespace Lapidary.Hub.Upload;

/// <summary>A part of a file as the body of a request, read while it is sent.</summary>
/// <param name="file">The file.</param>
/// <param name="offset">Start of the part.</param>
/// <param name="length">Its bytes.</param>
/// <param name="patience">Longest pause without sending.</param>
/// <param name="sent">Receives sent bytes, and negative numbers for the bytes of a failed attempt.</param>
internal sealed class FileSlice(LocalFile file, long offset, long length, TimeSpan patience, Action<long> sent) : HttpContent
{
    private const int BufferBytes = 1 << 17;

    private long _sent;

    /// <summary>The error of reading the file, which a failed request does not report.</summary>
    public LapidaryException? Fault { get; private set; }

    /// <summary>Subtracts the reported bytes, because they are sent again.</summary>
    public void TakeBack()
    {
        sent(-_sent);
        _sent = 0;
    }

    /// <inheritdoc/>
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    /// <inheritdoc/>
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            using var source = file.OpenRead();
            source.Position = offset;
            long left = length;
            while (left > 0)
            {
                int read = await source.ReadAsync(buffer.AsMemory(0, (int)Math.Min(BufferBytes, left)), cancellationToken)
                    .ConfigureAwait(false);
                if (read == 0) throw file.Changed();
                limit.CancelAfter(patience);
                await stream.WriteAsync(buffer.AsMemory(0, read), limit.Token).ConfigureAwait(false);
                left -= read;
                _sent += read;
                sent(read);
            }

            file.RequireUnchanged(source);
        }
        catch (LapidaryException e)
        {
            Fault = e;
            throw;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException($"nothing could be sent for {patience.TotalSeconds:0.#} s", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <inheritdoc/>
    protected override bool TryComputeLength(out long total)
    {
        total = length;
        return true;
    }
}
