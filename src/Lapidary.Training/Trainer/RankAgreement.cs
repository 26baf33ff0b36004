using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Training.Trainer;

/// <summary>Agreements between the ranks of a run, besides tensors: that all were started alike, values that only rank 0 knows, and when to
/// end. A single rank agrees with itself at once.</summary>
internal sealed class RankAgreement(RankGroup ranks)
{
    private bool IsAlone => ranks.WorldSize == 1;

    /// <summary>Refuses ranks that were started differently.</summary>
    /// <param name="settings">This rank's, by their keys.</param>
    /// <param name="advice">Advice for the user.</param>
    /// <exception cref="LapidaryException">Settings differ. All ranks get the same message, which names rank, keys and both
    /// values.</exception>
    public void RequireSame(
        IEnumerable<KeyValuePair<string, string>> settings, string advice = "Start them with the same options and files.")
    {
        if (IsAlone) return;
        var own = new Dictionary<string, string>(settings);
        var all = Gather(JsonSerializer.SerializeToUtf8Bytes(own, SettingsJson.Default.DictionaryStringString), "the other ranks' settings")
            .Select(bytes => JsonSerializer.Deserialize(bytes, SettingsJson.Default.DictionaryStringString)!).ToArray();
        int[] others = [.. Enumerable.Range(1, all.Length - 1).Where(rank => Differences(all[rank], all[0]).Any())];
        if (others.Length == 0) return;
        string differences = string.Join("; ", Differences(all[others[0]], all[0]).Select(key => RunIdentity.IsHash(key)
            ? $"other {RunIdentity.NameOfHash(key)}"
            : $"{key} {ValueOf(all[others[0]], key)}, {ranks.NameOf(0)} {ValueOf(all[0], key)}"));
        string more = others.Length == 1 ? "" : $" So {others.Length} ranks differ from rank 0.";

        // A text, so that keys among the differences are shown as options.
        string message = $"{ranks.NameOf(others[0])} has {differences}; all ranks need the same.{more} {advice}";
        throw new LapidaryException(message);
    }

    /// <summary>Refuses ranks with other weights or files, once their hashes are known.</summary>
    /// <exception cref="LapidaryException">Values differ.</exception>
    public void RequireSame(PendingIdentity identity)
    {
        using (ranks.Busy("the hash of the weights")) _ = identity.Value;
        RequireSame(identity.Value.SharedFields);
    }

    /// <summary>Refuses different step layouts on different ranks.</summary>
    /// <exception cref="LapidaryException">Two layouts differ.</exception>
    public void RequireSame(StepPlan plan) => RequireSame(
    [
        new("rows per run", $"{plan.RowsPerRun}"), new("recomputed layers", $"{plan.RecomputedLayers}"),
        new("bytes of logits", $"{plan.MaxLogitsBytes}"), new("bytes of decoded weights", $"{plan.MaxDecodedBytes}"),
    ], "Their devices lay a step out differently; use devices of one kind.");

    /// <summary>The smallest of the ranks' values, and its rank.</summary>
    public (long Value, int Rank) Least(long value)
    {
        if (IsAlone) return (value, 0);
        byte[] bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return Gather(bytes, "the other ranks' memory")
            .Select((other, rank) => (BinaryPrimitives.ReadInt64LittleEndian(other), rank)).Min();
    }

    /// <summary>Whether this rank is asked to end the run: by its caller, or by another rank.</summary>
    public bool IsAskedToStop(CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested || ranks.StopRequested.IsCancellationRequested;

    /// <summary>Whether any rank passes true.</summary>
    public bool Any(bool value) => IsAlone ? value : Gather([value ? (byte)1 : (byte)0], "the other ranks").Any(bytes => bytes[0] != 0);

    /// <summary>The value of rank 0, on all ranks; null if it has none.</summary>
    public string? FromLeader(string? value)
    {
        if (IsAlone) return value;
        byte[] bytes = Gather(ranks.IsLeader && value is not null ? Encoding.UTF8.GetBytes(value) : [], "rank 0")[0];
        return bytes.Length == 0 ? null : Encoding.UTF8.GetString(bytes);
    }

    /// <summary>Waits until all ranks arrive.</summary>
    public void Meet() => Any(false);

    private IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> own, string what)
    {
        using var waiting = ranks.Waiting(what);
        return ranks.Gather(own);
    }

    private static IEnumerable<string> Differences(Dictionary<string, string> one, Dictionary<string, string> other) =>
        one.Keys.Union(other.Keys).Where(key => ValueOf(one, key) != ValueOf(other, key));

    private static string ValueOf(Dictionary<string, string> settings, string key) => settings.GetValueOrDefault(key, RunIdentity.None);
}

[System.Text.Json.Serialization.JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class SettingsJson : System.Text.Json.Serialization.JsonSerializerContext;
