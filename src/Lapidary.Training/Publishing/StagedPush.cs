using System.Text;
using Lapidary.Formats.Files;
using Lapidary.Hub;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Training.Publishing;

/// <summary>A staged folder with the content of a commit: links to files that a run has saved. The linked content stays while the run
/// continues and deletes checkpoints. The folder has a temporary name in the output folder.</summary>
internal sealed class StagedPush : IDisposable
{
    private StagedPush(string folder, string what, string message) => (Folder, What, Message) = (folder, what, message);

    /// <summary>The folder's path.</summary>
    public string Folder { get; }

    /// <summary>Its name in messages: checkpoint-12.</summary>
    public string What { get; }

    /// <summary>The commit's first line.</summary>
    public string Message { get; }

    /// <summary>Stages files.</summary>
    /// <param name="outputDir">The run's folder.</param>
    /// <param name="what">Its name in messages.</param>
    /// <param name="message">The commit's first line.</param>
    /// <param name="card">The text of its README.md.</param>
    /// <param name="files">Paths of files for the root.</param>
    public static StagedPush Create(string outputDir, string what, string message, string card, IEnumerable<string> files)
    {
        string folder = RunNames.TemporaryOf(Path.Combine(outputDir, RunNames.Push));
        var staged = new StagedPush(folder, what, message);
        try
        {
            TemporaryPaths.Add(folder, () => Directory.CreateDirectory(folder));
            foreach (string file in files) HardLink.CreateOrCopy(file, Path.Combine(folder, Path.GetFileName(file)));
            File.WriteAllText(Path.Combine(folder, ModelCard.FileName), card, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
            return staged;
        }
        catch
        {
            staged.Dispose();
            throw;
        }
    }

    /// <summary>Adds all files of a checkpoint as a folder.</summary>
    public void AddFolder(string checkpoint, string name)
    {
        string target = TemporaryPaths.CreateFolder(Path.Combine(Folder, name)).FullName;
        foreach (string file in Directory.GetFiles(checkpoint)) HardLink.CreateOrCopy(file, Path.Combine(target, Path.GetFileName(file)));
    }

    /// <summary>Moves folders here from a push that will not be uploaded.</summary>
    public void TakeFolders(StagedPush other)
    {
        foreach (string folder in Directory.GetDirectories(other.Folder))
        {
            string target = Path.Combine(Folder, Path.GetFileName(folder));
            if (!Directory.Exists(target)) FolderMoves.Move(folder, target);
        }
    }

    /// <summary>Deletes the folder; the saved files stay.</summary>
    public void Dispose() => TemporaryPaths.Remove(Folder, () => FolderMoves.DeleteQuietly(Folder));
}
