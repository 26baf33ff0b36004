using Lapidary.Engine.Distributed.Nccl;

namespace Lapidary.Engine.Tests.Distributed;

public class NcclFailureTests
{
    [Theory]
    [InlineData("Error while creating shared memory segment /dev/shm/nccl-abc, error: No space left on device (28)", "shm-size")]
    [InlineData("Cuda failure 217 'peer access is not supported between these two devices'", "NCCL_P2P_DISABLE=1")]
    [InlineData("socketStartConnect: Connect to 10.0.0.2<40001> failed : Connection refused", "NCCL_SOCKET_IFNAME")]
    [InlineData("Cuda failure 35 'CUDA driver version is insufficient for CUDA runtime version'", "nvidia-nccl-cu12")]
    public void Cause_IsQuotedWithWhatHelps(string cause, string help)
    {
        string text = NcclFailure.Describe("ncclCommInitRankConfig", "unhandled system error", cause, isVerbose: false);
        Assert.StartsWith($"NCCL: ncclCommInitRankConfig failed: unhandled system error: {cause}.", text, StringComparison.Ordinal);
        Assert.Contains(help, text, StringComparison.Ordinal);
        Assert.EndsWith("; NCCL_DEBUG=WARN lets NCCL say more.", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Call_IsNamedWithoutArguments() => Assert.Equal(
        "NCCL: ncclAllReduce failed: internal error. NCCL_DEBUG=WARN lets NCCL say more.",
        NcclFailure.Describe("ncclAllReduce(address, address, (nuint)count)", "internal error", "", isVerbose: false));

    [Fact]
    public void NcclDebug_IsNotAdvised_WhereItIsSet() => Assert.Equal(
        "NCCL: ncclBroadcast failed: internal error: net.cc:1.",
        NcclFailure.Describe("ncclBroadcast", "internal error", "net.cc:1. \n", isVerbose: true));
}
