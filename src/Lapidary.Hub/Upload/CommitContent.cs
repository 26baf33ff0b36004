using System.Buffers;
using System.Buffers.Text;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using Lapidary.Formats;

namespace Lapidary.Hub.Upload;

/// <summary>A commit as lines of JSON, the header first. Small files are read and encoded while they are sent, so that none is held in
/// memory.</summary>
internal sealed class CommitContent : HttpContent
{
    /// <summary>A multiple of three, so that pieces of base64 can be concatenated.</summary>
    private const int PieceBytes = 3 << 15;

    private readonly CommitHeader _header;
    private readonly IReadOnlyList<PlannedFile> _files;

    /// <summary>Prepares a commit.</summary>
    public CommitContent(CommitHeader header, IReadOnlyList<PlannedFile> files)
    {
        (_header, _files) = (header, files);
        Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
    }

    /// <summary>The error of reading a file, which a failed request does not report.</summary>
    public LapidaryException? Fault { get; private set; }

    /// <inheritdoc/>
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    /// <inheritdoc/>
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        try
        {
            await WriteLineAsync(
                stream, "header", JsonSerializer.SerializeToUtf8Bytes(_header, UploadJson.Default.CommitHeader), cancellationToken)
                .ConfigureAwait(false);
            foreach (var planned in _files)
            {
                if (planned.IsLfs)
                {
                    var line = new CommitLfsFile(planned.File.Path, "sha256", planned.Oid, planned.File.Size);
                    await WriteLineAsync(
                        stream, "lfsFile", JsonSerializer.SerializeToUtf8Bytes(line, UploadJson.Default.CommitLfsFile), cancellationToken)
                        .ConfigureAwait(false);
                }
                else
                {
                    await WriteFileAsync(stream, planned, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (LapidaryException e)
        {
            Fault = e;
            throw;
        }
    }

    /// <inheritdoc/>
    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    private static async Task WriteLineAsync(Stream stream, string key, byte[] value, CancellationToken cancellation)
    {
        byte[] line = [.. "{\"key\":\""u8, .. System.Text.Encoding.ASCII.GetBytes(key), .. "\",\"value\":"u8, .. value, .. "}\n"u8];
        await stream.WriteAsync(line, cancellation).ConfigureAwait(false);
    }

    private static async Task WriteFileAsync(Stream stream, PlannedFile planned, CancellationToken cancellation)
    {
        byte[] path = JsonSerializer.SerializeToUtf8Bytes(planned.File.Path, UploadJson.Default.String);
        byte[] start = [.. "{\"key\":\"file\",\"value\":{\"path\":"u8, .. path, .. ",\"encoding\":\"base64\",\"content\":\""u8];
        await stream.WriteAsync(start, cancellation).ConfigureAwait(false);
        byte[] piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        byte[] text = ArrayPool<byte>.Shared.Rent(Base64.GetMaxEncodedToUtf8Length(PieceBytes));
        try
        {
            // Git's names are SHA-1.
#pragma warning disable CA5350
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
            hash.AppendData(LocalFile.GitHeader(planned.File.Size));
            using var source = planned.File.OpenRead();
            while (await source.ReadAtLeastAsync(piece.AsMemory(0, PieceBytes), PieceBytes, throwOnEndOfStream: false, cancellation)
                .ConfigureAwait(false) is > 0 and int read)
            {
                hash.AppendData(piece, 0, read);
                Base64.EncodeToUtf8(piece.AsSpan(0, read), text, out _, out int written);
                await stream.WriteAsync(text.AsMemory(0, written), cancellation).ConfigureAwait(false);
            }

            // A file's size and time may be unchanged although its content changed; here the hash costs almost nothing.
            if (Convert.ToHexStringLower(hash.GetHashAndReset()) != planned.Oid) throw planned.File.Changed();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
            ArrayPool<byte>.Shared.Return(text);
        }

        await stream.WriteAsync("\"}}\n"u8.ToArray(), cancellation).ConfigureAwait(false);
    }
}
