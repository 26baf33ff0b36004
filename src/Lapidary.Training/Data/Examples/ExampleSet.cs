using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Lapidary.Training.Data.Examples;

/// <summary>The examples of a data set, in its order, with what was lost on the way.</summary>
/// <param name="Examples">The rows that are left.</param>
/// <param name="Rows">For each example the number of its row in the data set.</param>
/// <param name="TruncatedRows">Rows longer than max_length.</param>
/// <param name="TruncatedTokens">Tokens cut off them.</param>
/// <param name="DroppedRows">Rows left out because they were empty or no trained token was left.</param>
/// <param name="PrefixMismatches">Rows whose prompt alone has other tokens than the start of prompt and completion together, so that the
/// border between them may be a token off.</param>
internal sealed record ExampleSet(
    IReadOnlyList<Example> Examples, IReadOnlyList<int> Rows, int TruncatedRows, long TruncatedTokens, int DroppedRows,
    int PrefixMismatches)
{
    /// <summary>Rows of tokens with assistant_masks, where no option uses them.</summary>
    public int UnusedAssistantMasks { get; init; }

    /// <summary>What the chat template does not read of the rows, see <see cref="Examples.UnreadKeys"/>.</summary>
    public IReadOnlyList<string> UnreadKeys { get; init; } = [];

    /// <summary>SHA-256 over lengths, ids and labels, in lower-case hexadecimal: what a run records and a resumed run compares.</summary>
    public string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var example in Examples)
        {
            hash.AppendData(BitConverter.GetBytes(example.InputIds.Length));
            hash.AppendData(MemoryMarshal.AsBytes<int>(example.InputIds));
            hash.AppendData(MemoryMarshal.AsBytes<int>(example.Labels));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
