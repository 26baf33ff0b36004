using System.Text;
using Lapidary.Formats.Files;
using Lapidary.Hub;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Training.Publishing;

/// <summary>A folder as it is to be in the repository, of links to files that a run has saved: these keep their content while the run goes
/// on and deletes checkpoints. It lies in the output folder under a temporary name.</summary>
internal sealed class StagedPush : IDisposable
{
    private StagedPush(string folder, string what, string message) => (Folder, What, Message) = (folder, what, message);

    /// <summary>Where it is.</summary>
    public string Folder { get; }

    /// <summary>What it is, for messages: checkpoint-12.</summary>
    public string What { get; }

    /// <summary>The commit's first line.</summary>
    public string Message { get; }

    /// <summary>Stages files.</summary>
    /// <param name="outputDir">The run's folder.</param>
    /// <param name="what">What it is, for messages.</param>
    /// <param name="message">The commit's first line.</param>
    /// <param name="card">The text of its README.md.</param>
    /// <param name="files">Paths of files for the root.</param>
    public static StagedPush Create(string outputDir, string what, string message, string card, IEnumerable<string> files)
    {
        string folder = RunNames.TemporaryOf(Path.Combine(outputDir, RunNames.Push));
        TemporaryPaths.Add(folder);
        var staged = new StagedPush(folder, what, message);
        try
        {
            Directory.CreateDirectory(folder);
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
        string target = Directory.CreateDirectory(Path.Combine(Folder, name)).FullName;
        foreach (string file in Directory.GetFiles(checkpoint)) HardLink.CreateOrCopy(file, Path.Combine(target, Path.GetFileName(file)));
    }

    /// <summary>Takes folders over from one that is not sent any more.</summary>
    public void TakeFolders(StagedPush other)
    {
        foreach (string folder in Directory.GetDirectories(other.Folder))
        {
            string target = Path.Combine(Folder, Path.GetFileName(folder));
            if (!Directory.Exists(target)) FolderMoves.Move(folder, target);
        }
    }

    /// <summary>Deletes the folder; the files stay where they were saved.</summary>
    public void Dispose() => TemporaryPaths.Remove(Folder, () => FolderMoves.DeleteQuietly(Folder));
}
