using System.Security.Cryptography;
using System.Text;

namespace Lapidary.Engine.Distributed.Joining;

/// <summary>A secret that only the ranks of a run know. They prove it without sending it.</summary>
/// <param name="key">The key; if it is empty, anybody can prove it.</param>
internal sealed class Secret(byte[] key)
{
    /// <summary>Bytes of a nonce and of a proof.</summary>
    public const int Size = 32;

    /// <summary>Whether the key is not empty.</summary>
    public bool IsSet => key.Length > 0;

    /// <summary>The secret of a text, or an empty one.</summary>
    public static Secret Of(string? text) => new(Encoding.UTF8.GetBytes(text ?? ""));

    /// <summary>A new nonce.</summary>
    public static byte[] Nonce() => RandomNumberGenerator.GetBytes(Size);

    /// <summary>HMAC-SHA256 over the prover's role, both nonces and the member's hello.</summary>
    public byte[] Proof(bool ofLeader, ReadOnlySpan<byte> membersNonce, ReadOnlySpan<byte> leadersNonce, ReadOnlySpan<byte> hello)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        hmac.AppendData([ofLeader ? (byte)1 : (byte)2]);
        hmac.AppendData(membersNonce);
        hmac.AppendData(leadersNonce);
        hmac.AppendData(hello);
        return hmac.GetHashAndReset();
    }

    /// <summary>Whether a proof is right, in a time that does not depend on where it differs.</summary>
    public static bool Equal(ReadOnlySpan<byte> proof, ReadOnlySpan<byte> expected) =>
        CryptographicOperations.FixedTimeEquals(proof, expected);
}
