using System.Security.Cryptography;

namespace Lapidary.TestHub.Content;

/// <summary>An upload that was hashed and thrown away, for measurements of many GB. It cannot be downloaded.</summary>
internal sealed class ForgottenContent(long size, string sha256) : HubContent
{
    public override long Size => size;

    public override Task WriteToAsync(Stream target, long offset, long count, CancellationToken cancel) =>
        throw new InvalidOperationException("This content was uploaded under DiscardUploads and is gone.");

    private protected override string Hash(HashAlgorithmName algorithm, string prefix) =>
        algorithm == HashAlgorithmName.SHA256 ? sha256 : throw new InvalidOperationException("A discarded upload has no git id.");
}
