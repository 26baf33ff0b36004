namespace Lapidary.Training.Data.Sources;

/// <summary>Where a data set's files are: a folder, or a repository of the Hub at one commit.</summary>
internal interface IDataPlace
{
    /// <summary>What errors call it.</summary>
    string Name { get; }

    /// <summary>Names of all files, with "/".</summary>
    IReadOnlyList<string> Files { get; }

    /// <summary>The text of a small file.</summary>
    string ReadText(string file);

    /// <summary>Gets files to this machine.</summary>
    /// <returns>Their paths, in the same order.</returns>
    IReadOnlyList<string> Fetch(IReadOnlyList<string> files);
}
