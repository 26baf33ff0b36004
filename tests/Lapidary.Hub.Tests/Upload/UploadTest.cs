using System.Text;
using Lapidary.TestHub;

namespace Lapidary.Hub.Tests.Upload;

/// <summary>A test of uploads: a folder to send, to a repository that is missing.</summary>
public abstract class UploadTest()
    : ServerTest(HubServerOptions.ForLapidary with { MultipartFrom = 300_000, PartBytes = 100_000 }, HubTokens.Write, new ShortWaits())
{
    private protected static readonly HubRepo Repo = new("ada/tiny");

    /// <summary>The folder that is sent.</summary>
    private protected string Source => Folder.At("folder");

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Directory.CreateDirectory(Source);
    }

    /// <summary>Writes a file of the folder.</summary>
    private protected string Write(string path, string text) => Write(path, Encoding.UTF8.GetBytes(text));

    private protected string Write(string path, byte[] bytes)
    {
        string file = Path.Combine(Source, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, bytes);
        return file;
    }

    private protected static byte[] Bytes(int count, int seed = 1)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private protected async Task<UploadResult> UploadAsync(UploadOptions? options = null, HubRepo? repo = null)
    {
        using var client = new HubClient(Options);
        return await client.UploadAsync(Source, repo ?? Repo, options, Cancellation);
    }

    /// <summary>The error of an upload: one line, without the token.</summary>
    private protected async Task<T> FailAsync<T>(UploadOptions? options = null, HubRepo? repo = null) where T : Exception
    {
        var error = await Assert.ThrowsAsync<T>(() => UploadAsync(options, repo));
        Assert.DoesNotContain('\n', error.Message);
        Assert.DoesNotContain(HubTokens.Mark, error.ToString());
        return error;
    }

    private protected HubRepository There(HubRepoKind kind = HubRepoKind.Model) => Server.Find(Repo.Id, kind)!;

    private protected string[] PathsThere() =>
        [.. There().Head.Files.Keys.Where(path => path != ".gitattributes").Order(StringComparer.Ordinal)];

    private protected string TextOf(string path) => Encoding.UTF8.GetString(There().Head.Files[path].Content.ToArray());

    private protected int Count(string method, string part) =>
        Server.Requests.Count(request => request.Method == method && request.Path.Contains(part, StringComparison.Ordinal));
}
