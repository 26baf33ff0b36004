using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Generation;

/// <summary>A file of answers under its final name.</summary>
internal static class CompleteAnswers
{
    /// <summary>Whether a file is there, so that nothing is left to do.</summary>
    public static bool Exist(string path) => File.Exists(path);

    /// <summary>Number of rows of a complete file that have an error instead of an answer.</summary>
    /// <exception cref="LapidaryException">It is no file of answers, or an unfinished one lies beside it.</exception>
    public static int FailedRows(string path)
    {
        if (File.Exists(path + AnswersFile.Partial))
            throw new LapidaryException($"{path}: is there beside the unfinished {path}{AnswersFile.Partial}; move one of them away.");
        int line = 0, failed = 0;
        foreach (string text in File.ReadLines(path))
        {
            line++;
            if (Answer.HasFailed(text) is not { } hasFailed)
                throw new LapidaryException($"{path} line {line}: expected an answer, found another line; choose another output.");
            failed += hasFailed ? 1 : 0;
        }

        return line > 0 ? failed : throw new LapidaryException($"{path}: expected answers, found an empty file; remove it.");
    }

    /// <summary>Checks that a complete file has an answer to each row, in their order.</summary>
    /// <exception cref="LapidaryException">It answers other rows, or has another form.</exception>
    public static void RequireRows(string path, IReadOnlyList<RowQuestion> questions)
    {
        int line = 0;
        foreach (string text in File.ReadLines(path))
        {
            var question = questions[line++];
            try
            {
                using var found = JsonDocument.Parse(text);
                using var expected = JsonDocument.Parse(new Answer(null, null, null, null).Line(question));
                _ = found.RootElement.TryGetProperty("output", out var output)
                    ? output.GetString()
                    : throw new LapidaryException($"{path} line {line}: expected an answer with its text as output, found none.");
                foreach (var column in expected.RootElement.EnumerateObject().Where(column => !Answer.Replaces(column.Name)))
                {
                    if (found.RootElement.TryGetProperty(column.Name, out var same) && JsonElement.DeepEquals(same, column.Value)) continue;
                    throw new LapidaryException(
                        $"{path} line {line}: answers another row than {question.Record.Origin}, {Printable.Line(column.Name)} differs; "
                        + $"give the data set that it was made of, or choose another output.");
                }
            }
            catch (Exception e) when (e is InvalidOperationException or JsonException)
            {
                // No object, no text, or half of a surrogate pair.
                throw new LapidaryException($"{path} line {line}: expected an answer, found another line; choose another output.", e);
            }
        }
    }

    /// <summary>Deletes what a process left that was killed when it had given the file its name. As long as the file is there, nobody
    /// begins another, so nobody else has use for it.</summary>
    public static void DeleteLeftovers(string path)
    {
        if (File.Exists(path + AnswersFile.Partial)) return; // which it would belong to
        try
        {
            File.Delete(path + AnswersFile.About);
            AnswersFile.DeleteKilled(path);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // A complete file can be read where nothing may be deleted, and what is left over does no harm.
        }
    }
}
