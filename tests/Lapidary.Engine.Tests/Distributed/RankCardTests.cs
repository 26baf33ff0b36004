using Lapidary.Engine.Distributed.Nccl;

namespace Lapidary.Engine.Tests.Distributed;

public class RankCardTests
{
    private const string Unset = "NCCL_ALGO not set, NCCL_PROTO not set";

    private static readonly RankCard First = new(
        "node-a", "GPU-00000000-0000-0000-0000-000000000001", "NVIDIA H100, compute capability 9.0", "2.28.3", Unset, "");

    private static readonly RankCard Second = First with { Uuid = "GPU-00000000-0000-0000-0000-000000000002" };

    [Fact]
    public void Card_IsTheSameAfterItsWay() => Assert.Equal(Second, RankCard.Parse(Second.ToBytes()));

    [Fact]
    public void Problem_WithLineFeeds_IsReadWhole()
    {
        var card = First with { Problem = "one\ntwo" };
        Assert.Equal(card, RankCard.Parse(card.ToBytes()));
    }

    [Fact]
    public void OtherBytes_AreAProblemOfTheirRank() =>
        Assert.Equal("rank 1 (node-b): It is not of the same version of this program.", ProblemOf(First, RankCard.Parse([1, 2, 3])));

    [Fact]
    public void EqualCards_OnDifferentGpus_AreWell() => Assert.Null(ProblemOf(First, Second));

    [Fact]
    public void TwoRanksOnOneGpu_AreNamed()
    {
        string problem = ProblemOf(First, Second, Second with { Host = "container-2" })!;
        Assert.StartsWith("rank 1 (node-b) and rank 2 (node-b) are on one GPU, GPU-00000000-0000-0000-0000-000000000002", problem,
            StringComparison.Ordinal);
        Assert.DoesNotContain('\n', problem);
    }

    [Fact]
    public void MixedGpus_AreNamedWithTheirRanks() => Assert.Equal(
        "rank 0 (node-a) has NVIDIA H100, compute capability 9.0; rank 1 (node-b) has NVIDIA H200, compute capability 9.0. "
        + "All ranks need the same kind of GPU: leave out those that differ.",
        ProblemOf(First, Second with { Gpu = "NVIDIA H200, compute capability 9.0" }));

    [Fact]
    public void DifferentVersions_AreNamed() => Assert.Equal(
        "rank 0 (node-a) has NCCL 2.28.3; rank 1 (node-b) has NCCL 2.27.5. Install the same version for all ranks.",
        ProblemOf(First, Second with { Nccl = "2.27.5" }));

    [Fact]
    public void DifferentAlgorithms_AreNamed() => Assert.Equal(
        $"rank 0 (node-a) has {Unset}; rank 1 (node-b) has NCCL_ALGO Tree, NCCL_PROTO not set. "
        + "Set these variables to the same values for all ranks.",
        ProblemOf(First, Second with { Algorithms = "NCCL_ALGO Tree, NCCL_PROTO not set" }));

    [Fact]
    public void ARanksOwnProblem_ComesFirst() => Assert.Equal(
        "rank 1 (node-b): NCCL was not found.", ProblemOf(First, First with { Nccl = "", Problem = "NCCL was not found." }));

    private static string? ProblemOf(params RankCard[] cards) =>
        RankCard.ProblemOf(cards, rank => $"rank {rank} ({(rank == 0 ? "node-a" : "node-b")})");
}
