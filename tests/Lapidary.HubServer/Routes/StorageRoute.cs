using Lapidary.TestHub.Http;

namespace Lapidary.TestHub.Routes;

/// <summary>A download from the storage host.</summary>
internal static class StorageRoute
{
    public static Task DownloadAsync(HubCall call)
    {
        var url = call.Server.Signed.Check(call);
        var file = (HubFile)url.Subject;
        // The storage's own ETag looks like one of S3's multipart objects: whoever names a blob by it is found out.
        return RangeAnswer.WriteAsync(call, file, $"{file.Hash[..32]}-2");
    }
}
