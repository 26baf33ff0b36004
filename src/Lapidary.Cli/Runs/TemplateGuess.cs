using Lapidary.Formats;
using Lapidary.Training;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Cli.Runs;

/// <summary>The built-in template that fits the rows of a folder, for a command line to suggest.</summary>
internal static class TemplateGuess
{
    /// <summary>Files to look into, and the size up to which one may be read whole, as .json is.</summary>
    private const int MaxFiles = 8;

    private const long MaxWholeBytes = 16 << 20;

    private static readonly string[] KnownColumns = ["messages", "prompt", "text", "input_ids"];

    /// <summary>Its name; null if no row has the columns of one, or rows need none.</summary>
    /// <param name="folder">Folder of a data set.</param>
    public static string? Of(string folder)
    {
        var files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(IsRead).Order(StringComparer.Ordinal);
        return files.Take(MaxFiles).Select(TemplateOf).FirstOrDefault(name => name is not null);
    }

    private static bool IsRead(string file) => DataFiles.FormatOf(file) is { } format
        && (format != DataFormat.Json || new FileInfo(file).Length <= MaxWholeBytes);

    private static string? TemplateOf(string file)
    {
        try
        {
            var first = new RecordReader(new DataSetOptions()).Filter(DataFiles.Read(file, format: null)).FirstOrDefault();
            return first is null || KnownColumns.Any(first.Columns.ContainsKey) ? null : RowTemplate.Like(first.Columns.ContainsKey);
        }
        catch (Exception e) when (e is LapidaryException or InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return null; // not a file of rows; a suggestion is no place for an error
        }
    }
}
