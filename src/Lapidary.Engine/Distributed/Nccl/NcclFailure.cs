using System.Runtime.InteropServices;
using Lapidary.Formats;

namespace Lapidary.Engine.Distributed.Nccl;

/// <summary>NCCL's errors in one line, with advice.</summary>
internal static unsafe class NcclFailure
{
    /// <summary>Parts of NCCL's messages that reveal the cause, with advice.</summary>
    private static readonly (string Words, string Advice)[] Causes =
    [
        ("/dev/shm", MoreSharedMemory),
        ("shared memory", MoreSharedMemory),
        ("insufficient", "NCCL was built for a newer CUDA than the driver's: update the driver, or 'pip install nvidia-nccl-cu12'"),
        ("peer", "if the GPUs cannot reach each other's memory, set NCCL_P2P_DISABLE=1"),
        ("P2P", "if the GPUs cannot reach each other's memory, set NCCL_P2P_DISABLE=1"),
        ("socket", "NCCL_SOCKET_IFNAME names the network to use"),
        ("onnect", "NCCL_SOCKET_IFNAME names the network to use"), // Connect, connection
    ];

    private const string MoreSharedMemory =
        "give the container more shared memory: docker's option shm-size, in Kubernetes an emptyDir of medium Memory at /dev/shm";

    /// <summary>The error of a failed call.</summary>
    public static LapidaryException Of(NcclResult result, string call, nint comm) => new(Describe(
        call, Text(NcclApi.ncclGetErrorString(result)), Text(NcclApi.ncclGetLastError(comm)),
        isVerbose: NcclSettings.Machine.UsersValue("NCCL_DEBUG") is not null));

    /// <summary>"NCCL: ncclAllReduce failed: unhandled system error: …. Advice."</summary>
    /// <param name="call">The call.</param>
    /// <param name="result">Its result.</param>
    /// <param name="lastError">NCCL's last error; may be empty.</param>
    /// <param name="isVerbose">Whether the user has already turned on NCCL's messages.</param>
    public static string Describe(string call, string result, string lastError, bool isVerbose)
    {
        int arguments = call.IndexOf('(', StringComparison.Ordinal);
        string cause = lastError.Trim().TrimEnd('.');
        var advice = Causes.Where(known => cause.Contains(known.Words, StringComparison.OrdinalIgnoreCase))
            .Select(known => known.Advice).Take(1).ToList();
        if (!isVerbose) advice.Add("NCCL_DEBUG=WARN lets NCCL say more");
        string help = string.Join("; ", advice);
        return $"NCCL: {(arguments < 0 ? call : call[..arguments]).Replace("NcclApi.", "", StringComparison.Ordinal)} failed: {result}"
            + (cause.Length > 0 ? $": {cause}." : ".")
            + (help.Length > 0 ? $" {char.ToUpperInvariant(help[0])}{help[1..]}." : "");
    }

    private static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";
}
