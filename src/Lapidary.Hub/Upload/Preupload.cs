using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub.Http;

namespace Lapidary.Hub.Upload;

/// <summary>The Hub's answers before an upload: how to send a file, whether to ignore it, and its current content.</summary>
/// <param name="http">Sends requests.</param>
/// <param name="repo">The repository.</param>
/// <param name="branch">The target of the files.</param>
internal sealed class Preupload(HubHttp http, HubRepo repo, string branch)
{
    /// <summary>Number of files per request.</summary>
    private const int MaxFiles = 256;

    private const string CardName = "README.md", IgnoreName = ".gitignore";

    private const long MaxCardBytes = 4 << 20;

    private string? _gitIgnore;

    /// <summary>Asks about files.</summary>
    /// <returns>An answer to each, in order.</returns>
    /// <exception cref="HubException">The token may not write to the repository, or the Hub refused.</exception>
    public async Task<IReadOnlyList<PreuploadMode>> AskAsync(
        IReadOnlyList<(string Path, Func<byte[]> Sample, long Size)> files, CancellationToken cancellation)
    {
        var modes = new List<PreuploadMode>();
        foreach (var batch in files.Chunk(MaxFiles))
        {
            PreuploadFile[] asked = [.. batch.Select(file => new PreuploadFile(file.Path, file.Sample(), file.Size))];
            var request = new PreuploadRequest(asked, _gitIgnore);
            var call = UploadCalls.Post(
                http.Urls.Api(repo, $"preupload/{Uri.EscapeDataString(branch)}"), request, UploadJson.Default.PreuploadRequest)
                .About(repo, branch);
            var answer = await http.SendAsync(call, UploadJson.Default.PreuploadAnswer, cancellation).ConfigureAwait(false);
            var byPath = new Dictionary<string, PreuploadMode>(StringComparer.Ordinal);
            foreach (var mode in answer.Files ?? []) byPath.TryAdd(mode.Path ?? "", mode);
            foreach (var (path, _, _) in batch)
            {
                modes.Add(byPath.TryGetValue(path, out var mode) && mode.UploadMode is "lfs" or "regular"
                    ? mode
                    : throw HubHttp.NoHub(call, $"no answer about {path}"));
            }
        }

        return modes;
    }

    /// <summary>Asks about files, and sends their .gitignore with the request.</summary>
    public Task<IReadOnlyList<PreuploadMode>> AskAsync(IReadOnlyList<LocalFile> files, CancellationToken cancellation)
    {
        if (files.FirstOrDefault(file => file.Path == IgnoreName) is { } ignore)
            _gitIgnore = InputFile.ReadAllText(ignore.LocalPath, MaxCardBytes, "a .gitignore");
        return AskAsync([.. files.Select(file => (file.Path, (Func<byte[]>)file.ReadSample, file.Size))], cancellation);
    }

    /// <summary>Asks the Hub to check the front matter of the card, if the files include one.</summary>
    /// <exception cref="LapidaryException">It is invalid; the message has the Hub's words.</exception>
    public async Task CheckCardAsync(IReadOnlyList<LocalFile> files, Action<string>? note, CancellationToken cancellation)
    {
        if (files.FirstOrDefault(file => file.Path == CardName) is not { } card) return;
        string text = InputFile.ReadAllText(card.LocalPath, MaxCardBytes, "a model card");
        var request = new CardRequest(text, HubUrls.Singular(repo.Type));
        var call = UploadCalls.Post(http.Urls.At("api/validate-yaml"), request, UploadJson.Default.CardRequest).About(repo) with
        {
            Expects = [System.Net.HttpStatusCode.BadRequest],
        };
        var answer = await http.SendAsync(call, UploadJson.Default.CardAnswer, cancellation).ConfigureAwait(false);
        if (answer.Errors is { Count: > 0 } errors)
        {
            throw new HubException(HubError.Other,
                $"{card.LocalPath}: the Hub refuses its front matter: {Join(errors)}; correct the lines between the two ---.");
        }

        if (answer.Warnings is { Count: > 0 } warnings) note?.Invoke($"{card.LocalPath}: {Join(warnings)}");
    }

    private static string Join(IReadOnlyList<CardMessage> messages) =>
        string.Join("; ", messages.Select(message => message.Message?.Trim().TrimEnd('.')).Where(text => !string.IsNullOrEmpty(text)));
}
