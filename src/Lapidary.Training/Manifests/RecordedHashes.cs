using Lapidary.Formats;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Training.Manifests;

/// <summary>The hashes in a manifest. A run that repeats the manifest's job reads the same data and the same base.</summary>
internal sealed class RecordedHashes
{
    private readonly string _path;
    private readonly string? _commit;
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    private RecordedHashes(string path, string? commit) => (_path, _commit) = (path, commit);

    /// <summary>Whether the run ended before it knew its hashes, so that nothing can be compared.</summary>
    public bool IsEmpty => _values.Count == 0;

    /// <summary>Reads a manifest.</summary>
    /// <exception cref="LapidaryException">It is missing or damaged.</exception>
    public static RecordedHashes Read(string path)
    {
        var json = RunManifest.ReadFile(path);
        var recorded = new RecordedHashes(path, json.Section(RunManifest.ModelKey)?.Text(RunManifest.CommitKey));
        if (json.Section(RunManifest.HashesKey) is not { } hashes) return recorded;
        foreach (var (key, _) in hashes.Json.Where(pair => RunIdentity.IsHash(pair.Key)))
        {
            recorded._values.Add(
                key, hashes.Section(key)?.Text(RunManifest.HashKey) ?? throw hashes.Error(key, "a hash under value", "correct the file"));
        }

        return recorded;
    }

    /// <summary>Refuses other data than the manifest's.</summary>
    /// <param name="train">Rows to train on.</param>
    /// <param name="eval">Rows to evaluate on, or null.</param>
    /// <param name="names">Names of the data sets, for the message.</param>
    /// <exception cref="LapidaryException">A hash differs.</exception>
    public void RequireData(PackedDataSet train, PackedDataSet? eval, IEnumerable<string> names) =>
        Require(new(RunIdentity.HashesOf(train, eval)), RunIdentity.IsOfData, string.Join(", ", names));

    /// <summary>Refuses another base than the manifest's: its weights and its config.json.</summary>
    /// <param name="identity">This run's.</param>
    /// <param name="name">The base's name, for the message.</param>
    /// <exception cref="LapidaryException">A hash differs.</exception>
    public void RequireBase(RunIdentity identity, string name) => Require(
        identity.Hashes.Where(hash => !RunIdentity.IsOfData(hash.Key)).ToDictionary(hash => hash.Key, hash => hash.Value),
        key => !RunIdentity.IsOfData(key), name);

    private void Require(Dictionary<string, string> found, Func<string, bool> isMeant, string where)
    {
        if (IsEmpty) return;
        foreach (string key in _values.Keys.Where(isMeant).Union(found.Keys))
        {
            string expected = _values.GetValueOrDefault(key, RunIdentity.None), actual = found.GetValueOrDefault(key, RunIdentity.None);
            if (actual == expected) continue;
            throw new LapidaryException(
                $"{_path}: {RunManifest.HashesKey}.{key}: expected {RunIdentity.Short(key, expected)}, found "
                + $"{RunIdentity.Short(key, actual)} in {where}: that run had other {RunIdentity.NameOfHash(key)}. " + Advice(key));
        }
    }

    private string Advice(string key)
    {
        string same = RunIdentity.IsOfData(key) ? "Give the data that it had"
            : _commit is { } commit ? $"Set model to {commit}" : "Give the base that it had";
        string settings = Path.Combine(Path.GetDirectoryName(_path) ?? "", RunSettings.FileName);
        return File.Exists(settings)
            ? $"{same}, or set config to {settings} to train on what is there now."
            : $"{same}, or give the settings without the manifest to train on what is there now.";
    }
}
