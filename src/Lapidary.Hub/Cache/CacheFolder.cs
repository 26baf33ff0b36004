using Lapidary.Formats.Files;

namespace Lapidary.Hub.Cache;

/// <summary>The paths of the cache, in huggingface_hub's layout.</summary>
/// <param name="hub">The cache.</param>
/// <param name="repo">The repository.</param>
internal sealed class CacheFolder(string hub, HubRepo repo)
{
    /// <summary>The file that tells backup programs to skip the cache.</summary>
    public const string Tag = "CACHEDIR.TAG";

    private const string TagText = """
        Signature: 8a477f597d28d172789f06886806bc55
        # This file marks a cache of the Hugging Face Hub; it was made by lapidary.
        # For information about cache directory tags see https://bford.info/cachedir/

        """;

    /// <summary>The repository's folder.</summary>
    public string Root { get; } = Path.Combine(hub, Name(repo));

    /// <summary>The folder of contents, named by their hash.</summary>
    public string Blobs => Path.Combine(Root, "blobs");

    /// <summary>The folder with one subfolder per commit.</summary>
    public string Snapshots => Path.Combine(Root, "snapshots");

    /// <summary>The folder of files that are named after branches and tags and hold one commit each.</summary>
    public string Refs => Path.Combine(Root, "refs");

    /// <summary>The folder with lists of the files of commits.</summary>
    public string Trees => Path.Combine(Root, "trees");

    /// <summary>The folder with marks for files that commits lack.</summary>
    public string Missing => Path.Combine(Root, ".no_exist");

    /// <summary>A content file.</summary>
    public string Blob(string etag) => Path.Combine(Blobs, etag);

    /// <summary>An incomplete content. Other programs name their incomplete files differently.</summary>
    public string Part(string etag) => Path.Combine(Blobs, $"{etag}.lapidary.incomplete");

    /// <summary>A content during a copy, used if links are not possible.</summary>
    public string Copy(string etag) => Path.Combine(Blobs, $"{etag}.copy.lapidary.incomplete");

    /// <summary>The lock of a content, shared with Python.</summary>
    public string Lock(string etag) => Path.Combine(hub, ".locks", Name(repo), $"{etag}.lock");

    /// <summary>The folder of a commit.</summary>
    public string Snapshot(string commit) => Path.Combine(Snapshots, commit);

    /// <summary>A file of a commit: a link to its content, or the content itself.</summary>
    public string Pointer(string commit, string file) => Join(Snapshot(commit), file);

    /// <summary>The mark that a commit lacks a file.</summary>
    public string Absent(string commit, string file) => Join(Path.Combine(Missing, commit), file);

    /// <summary>The list of a commit's files.</summary>
    public string Tree(string commit) => Path.Combine(Trees, $"{commit}.json");

    /// <summary>"models--google--gemma-3-1b-it".</summary>
    public static string Name(HubRepo repo) =>
        $"{repo.Type.ToString().ToLowerInvariant()}s--{repo.Id.Replace("/", "--", StringComparison.Ordinal)}";

    /// <summary>The repository of a folder name, or null.</summary>
    public static HubRepo? Repo(string name)
    {
        string[] parts = name.Split("--");
        string id = string.Join('/', parts.Skip(1));
        foreach (var type in Enum.GetValues<RepoType>())
            if (parts[0] == $"{type.ToString().ToLowerInvariant()}s" && HubRepo.IsId(id)) return new HubRepo(id, type);
        return null;
    }

    /// <summary>A repository path below a local folder.</summary>
    public static string Join(string folder, string file) => Path.Combine([folder, .. file.Split('/')]);

    /// <summary>Creates a folder and marks it as a cache.</summary>
    /// <exception cref="Formats.LapidaryException">The folder cannot be created.</exception>
    public static void Prepare(string folder)
    {
        string tag = Path.Combine(folder, Tag);
        try
        {
            Directory.CreateDirectory(folder);
            if (!File.Exists(tag)) AtomicFile.WriteAllText(tag, TagText.ReplaceLineEndings("\n"));
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(folder, e);
        }
    }

    /// <summary>Whether the file system of a prepared folder treats "A" and "a" as one name.</summary>
    public static bool IgnoresCase(string folder) =>
        File.Exists(Path.Combine(folder, Tag)) && File.Exists(Path.Combine(folder, Tag.ToLowerInvariant()));
}
