using System.Text;

namespace Lapidary.Engine.Distributed.Nccl;

/// <summary>The properties of a rank, which all ranks compare before NCCL starts. NCCL would fail later, hang, or report less.</summary>
/// <param name="Host">Name of its host.</param>
/// <param name="Uuid">The UUID of its GPU.</param>
/// <param name="Gpu">The kind of its GPU, with the compute capability.</param>
/// <param name="Nccl">Version of its NCCL.</param>
/// <param name="Algorithms">NCCL_ALGO and NCCL_PROTO, as set by the user.</param>
/// <param name="Problem">Why it cannot take part, one line; else empty.</param>
internal sealed record RankCard(string Host, string Uuid, string Gpu, string Nccl, string Algorithms, string Problem)
{
    private const char Separator = '\n';

    /// <summary>The card of a rank of this process.</summary>
    public static RankCard Of(CudaDevice device, FoundLibrary? nccl, string problem)
    {
        string[] variables = [NcclSettings.Algorithm, "NCCL_PROTO"];
        return new RankCard(
            Environment.MachineName, device.Uuid(), $"{device.Name}, compute capability {device.ComputeCapability}",
            nccl?.Version.ToString() ?? "",
            string.Join(", ", variables.Select(name => $"{name} {NcclSettings.Machine.UsersValue(name) ?? "not set"}")), problem);
    }

    public byte[] ToBytes() => Encoding.UTF8.GetBytes(string.Join(Separator, Host, Uuid, Gpu, Nccl, Algorithms, Problem));

    public static RankCard Parse(byte[] bytes) => Encoding.UTF8.GetString(bytes).Split(Separator, 6) switch
    {
        [var host, var uuid, var gpu, var nccl, var algorithms, var problem] => new(host, uuid, gpu, nccl, algorithms, problem),
        _ => new("", "", "", "", "", "It is not of the same version of this program."),
    };

    /// <summary>Why these ranks cannot form a communicator, in one line that names ranks; null if they can.</summary>
    public static string? ProblemOf(IReadOnlyList<RankCard> cards, Func<int, string> nameOf)
    {
        for (int rank = 0; rank < cards.Count; rank++)
            if (cards[rank].Problem.Length > 0) return $"{nameOf(rank)}: {cards[rank].Problem}";
        Dictionary<string, int> users = [];
        for (int rank = 0; rank < cards.Count; rank++)
        {
            if (users.TryAdd(cards[rank].Uuid, rank)) continue;
            return $"{nameOf(users[cards[rank].Uuid])} and {nameOf(rank)} are on one GPU, {cards[rank].Uuid} ({cards[rank].Gpu}): "
                + "each rank needs its own GPU. Start no more ranks on a host than it has GPUs, "
                + "and set device to one of them for each.";
        }

        return Difference(cards, nameOf, card => card.Gpu, "All ranks need the same kind of GPU: leave out those that differ.")
            ?? Difference(cards, nameOf, card => "NCCL " + card.Nccl, "Install the same version for all ranks.")
            ?? Difference(cards, nameOf, card => card.Algorithms, "Set these variables to the same values for all ranks.");
    }

    private static string? Difference(
        IReadOnlyList<RankCard> cards, Func<int, string> nameOf, Func<RankCard, string> property, string advice)
    {
        string first = property(cards[0]);
        for (int rank = 1; rank < cards.Count; rank++)
            if (property(cards[rank]) is var other && other != first)
                return $"{nameOf(0)} has {first}; {nameOf(rank)} has {other}. {advice}";
        return null;
    }
}
