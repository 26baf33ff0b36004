using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub.Paths;

namespace Lapidary.Hub.Upload;

/// <summary>A README.md that the caller supplies for a folder without one. It is in a temporary folder during the upload, because an upload
/// must not write into its source.</summary>
internal sealed class AddedCard : IDisposable
{
    private readonly string _folder;

    private AddedCard(string folder, LocalFile file) => (_folder, File) = (folder, file);

    /// <summary>The file.</summary>
    public LocalFile File { get; }

    /// <summary>Writes the card; null if there is none or none is needed.</summary>
    /// <exception cref="LapidaryException">It cannot be written.</exception>
    public static AddedCard? For(string folder, UploadOptions upload)
    {
        if (upload.Card is not { } text) return null;
        bool isExcluded = new FilePatterns(upload.Exclude).Match(ModelCard.FileName);
        if (!isExcluded && InputFile.IsThere(Path.Combine(folder, ModelCard.FileName))) return null;
        if (upload.PathInRepo is not null || upload.Include.Count > 0) return null; // whoever chooses files chooses all of them
        string place = Directory.CreateTempSubdirectory("lapidary-card-").FullName, path = Path.Combine(place, ModelCard.FileName);
        AtomicFile.WriteAllText(path, text);
        var info = new FileInfo(path);
        return new AddedCard(place, new LocalFile(ModelCard.FileName, path, info.Length, info.LastWriteTimeUtc));
    }

    /// <inheritdoc/>
    public void Dispose() => FolderMoves.DeleteQuietly(_folder);
}
