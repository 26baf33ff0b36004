using System.Collections.Concurrent;
using Lapidary.TestHub.Content;
using Lapidary.TestHub.Uploads;

namespace Lapidary.TestHub;

/// <summary>A repository: its commits, what names them, and who may see it. All members may be called while the server runs.</summary>
public sealed class HubRepository
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly Dictionary<string, HubCommit> _commits = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _refs = new(StringComparer.Ordinal); // full name → commit
    private readonly ConcurrentDictionary<string, HubGrant> _grants = new(StringComparer.Ordinal);

    internal HubRepository(HubRepoKind kind, string id, TimeProvider time)
    {
        (Kind, Id, _time) = (kind, id, time);
        CreatedAt = time.GetUtcNow();
        Commit("initial commit", [new HubFile(".gitattributes", LfsRule.DefaultAttributes, IsLfs: false)]);
    }

    public HubRepoKind Kind { get; }

    /// <summary>"owner/name".</summary>
    public string Id { get; internal set; }

    public bool IsPrivate { get; set; }

    public bool IsDisabled { get; set; }

    public HubGate Gate { get; set; }

    /// <summary>A gated repository refuses its info, tree and path list too (403), not only its files; both have been seen.</summary>
    public bool GateHidesInfo { get; set; }

    public DateTimeOffset CreatedAt { get; }

    /// <summary>The commit that main points to.</summary>
    public HubCommit Head => Find("main")!;

    /// <summary>What stands before "/" in the id.</summary>
    public string Owner => Id.Contains('/') ? Id[..Id.IndexOf('/')] : "";

    /// <summary>The LFS contents that were uploaded or seeded, by SHA-256.</summary>
    internal ConcurrentDictionary<string, LfsObject> Objects { get; } = new(StringComparer.Ordinal);

    /// <summary>What preupload was asked, by path.</summary>
    internal ConcurrentDictionary<string, PreuploadEntry> Preuploads { get; } = new(StringComparer.Ordinal);


    /// <summary>Adds or replaces files on main in one commit; .gitattributes, content and size say which go to LFS.</summary>
    public HubCommit AddFiles(params (string Path, HubContent Content)[] files) =>
        Commit("Add files", files.Select(file => Classify(file.Path, file.Content)));

    /// <summary>Adds or replaces one file on main.</summary>
    public HubCommit AddFile(string path, HubContent content) => AddFiles((path, content));

    /// <summary>Adds a folder's files on main in one commit, read from disk when they are asked for.</summary>
    public HubCommit AddFolder(string folder) => AddFiles([.. Directory
        .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .Select(path => (Path.GetRelativePath(folder, path).Replace('\\', '/'), HubContent.FromFile(path)))]);

    /// <summary>Makes a commit.</summary>
    /// <param name="delete">Paths of files.</param>
    /// <param name="branch">Is made if it is not there yet, from main.</param>
    public HubCommit Commit(string title, IEnumerable<HubFile> add, IEnumerable<string>? delete = null, string branch = "main",
        string description = "", string author = "seed")
    {
        lock (_lock)
        {
            var head = Find(branch) ?? Find("main");
            var files = (head?.Files ?? HubCommit.Empty).ToBuilder();
            foreach (string path in delete ?? []) files.Remove(path);
            var added = add.ToList();
            string oid = NewOid(head, title, added);
            var commit = new HubCommit(oid, head?.Oid, title, description, author, _time.GetUtcNow());
            foreach (var file in added)
            {
                files[file.Path] = file with { LastCommit = commit };
                if (file.IsLfs) Objects.TryAdd(file.Hash, new LfsObject(file.Content) { IsVerified = true });
            }

            commit = commit with { Files = files.ToImmutable() };
            _commits.Add(oid, commit);
            _refs[IsFullName(branch) ? branch : "refs/heads/" + branch] = oid;
            return commit;
        }
    }

    /// <summary>Removes files from main.</summary>
    public HubCommit Delete(params string[] paths) => Commit("Delete files", [], paths);

    /// <summary>Makes a branch, or moves it.</summary>
    public void SetBranch(string name, string? at = null) => SetRef("refs/heads/" + name, at);

    /// <summary>Makes a tag, or moves it.</summary>
    public void SetTag(string name, string? at = null) => SetRef("refs/tags/" + name, at);

    /// <summary>Makes or moves a ref by its full name: "refs/pr/1", "refs/convert/parquet".</summary>
    public void SetRef(string fullName, string? at = null)
    {
        lock (_lock) _refs[fullName] = (Find(at ?? "main") ?? throw new ArgumentException($"No commit is named {at}.")).Oid;
    }

    public void DeleteBranch(string name)
    {
        lock (_lock) _refs.Remove("refs/heads/" + name);
    }

    /// <summary>The commit of a branch, a tag, a full ref name, "HEAD" or a full commit id; null if there is none.</summary>
    public HubCommit? Find(string revision)
    {
        lock (_lock)
        {
            if (revision == "HEAD") revision = "main";
            string? oid = _refs.GetValueOrDefault("refs/heads/" + revision) ?? _refs.GetValueOrDefault("refs/tags/" + revision)
                ?? _refs.GetValueOrDefault(revision);
            return _commits.GetValueOrDefault(oid ?? revision);
        }
    }

    /// <summary>What an account's request to see a gated repository came to; a private repository is seen by its owner and whom it is
    /// granted.</summary>
    public void Grant(string user, HubGrant grant = HubGrant.Granted) => _grants[user] = grant;

    internal HubGrant GrantOf(string? user) => user is null ? HubGrant.NotAsked : _grants.GetValueOrDefault(user);

    /// <summary>Full ref names with their commits.</summary>
    internal List<(string Name, string Oid)> Refs()
    {
        lock (_lock) return [.. _refs.Select(pair => (pair.Key, pair.Value)).OrderBy(pair => pair.Key, StringComparer.Ordinal)];
    }

    /// <summary>Commits from one back to the first.</summary>
    internal List<HubCommit> History(HubCommit commit)
    {
        lock (_lock)
        {
            var history = new List<HubCommit>();
            for (var at = commit; at is not null; at = at.Parent is { } parent ? _commits[parent] : null) history.Add(at);
            return history;
        }
    }

    /// <summary>Runs what must see and change the head in one piece: a commit with its parent check.</summary>
    internal T Locked<T>(Func<T> body)
    {
        lock (_lock) return body();
    }

    internal HubFile Classify(string path, HubContent content) =>
        new(path, content, LfsRule.IsLfs(path, content.Size, content.Head(8000), Find("main")?.Text(".gitattributes") ?? ""));

    private static bool IsFullName(string name) => name.StartsWith("refs/", StringComparison.Ordinal);

    // Any 40 hex digits do, but two commits must never share them.
    private string NewOid(HubCommit? parent, string title, List<HubFile> files)
    {
        string text = $"{Kind} {Id} {parent?.Oid} {_commits.Count} {title} {string.Join(' ', files.Select(file => file.Path))}";
        return HubContent.FromText(text).GitOid;
    }
}
