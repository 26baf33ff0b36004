using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Manifests;

namespace Lapidary.Cli.History;

/// <summary>Finds the runs below a folder. It skips links to folders, folders whose name begins with a dot, and the subfolders of a
/// run.</summary>
internal sealed class RunScan
{
    /// <summary>Depth of the search.</summary>
    private const int MaxDepth = 12;

    private readonly List<FoundRun> _runs = [];
    private readonly List<UnreadableRun> _unreadable = [];
    private readonly List<string> _notes = [];
    private readonly string _root;
    private readonly IReadOnlyList<Setting> _settings;

    private RunScan(string root, IReadOnlyList<Setting> settings) => (_root, _settings) = (root, settings);

    /// <summary>The runs, in the order of their folders.</summary>
    public IReadOnlyList<FoundRun> Runs => _runs;

    /// <summary>Folders that could not be read.</summary>
    public IReadOnlyList<UnreadableRun> Unreadable => _unreadable;

    /// <summary>Faults of runs that could be read all the same, one line each.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Searches a folder.</summary>
    /// <param name="root">The folder.</param>
    /// <param name="settings">The settings of train.</param>
    public static RunScan Of(string root, IReadOnlyList<Setting> settings)
    {
        var scan = new RunScan(root, settings);
        scan.Look(root, MaxDepth);
        return scan;
    }

    private void Look(string folder, int depth)
    {
        string[] inside;
        try
        {
            if (IsRun(folder)) Add(folder);
            inside =
            [
                .. new DirectoryInfo(folder).EnumerateDirectories().Where(child => !IsLeftOut(child)).Select(child => child.Name)
                    .Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            _unreadable.Add(new(folder, PlainText.OneLine(e.Message)));
            return;
        }

        if (depth == 0) return;
        foreach (string name in inside) Look(Path.Combine(folder, name), depth - 1);
    }

    private void Add(string folder)
    {
        string name = Path.GetRelativePath(_root, folder);
        if (name == ".") name = Path.GetFileName(Path.GetFullPath(Path.TrimEndingDirectorySeparator(_root)));
        try
        {
            _runs.Add(RunReader.Read(folder, name.Replace(Path.DirectorySeparatorChar, '/'), _settings, _notes.Add));
        }
        catch (LapidaryException e)
        {
            _unreadable.Add(new(folder, PlainText.OneLine(e.Message)));
        }
    }

    /// <summary>A manifest alone may belong to any program.</summary>
    private static bool IsRun(string folder) =>
        File.Exists(Path.Combine(folder, TrainerState.FileName))
        || (File.Exists(Path.Combine(folder, RunManifest.FileName)) && File.Exists(Path.Combine(folder, RunSettings.FileName)))
        || RunReader.LatestCheckpoint(folder) is not null;

    private static bool IsLeftOut(DirectoryInfo folder) =>
        folder.Name.StartsWith('.') || folder.LinkTarget is not null || RunNames.StepOf(folder.Name) is not null
        || RunNames.IsTemporary(folder.Name) || RunNames.OriginalOfReplaced(folder.Name) is not null || RunNames.IsAside(folder.Name)
        || RunNames.IsPartOfAside(folder.Name);
}
