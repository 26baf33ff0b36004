namespace Lapidary.Training.Data.Sources;

/// <summary>The place of a data set's files: a folder, or a Hub repository at one commit.</summary>
internal interface IDataPlace
{
    /// <summary>Its name in errors.</summary>
    string Name { get; }

    /// <summary>Names of all files, with "/".</summary>
    IReadOnlyList<string> Files { get; }

    /// <summary>The text of a small file.</summary>
    string ReadText(string file);

    /// <summary>Fetches files.</summary>
    /// <returns>Their local paths, in the same order.</returns>
    IReadOnlyList<string> Fetch(IReadOnlyList<string> files);
}
