using Lapidary.Formats.Files;
using Microsoft.Data.Sqlite;

namespace Lapidary.TextToSql.Demo;

/// <summary>The tables of a question as an SQLite file, to ask more questions about.</summary>
internal static class TablesFile
{
    /// <summary>Writes the tables; a file of that name is replaced.</summary>
    /// <param name="path">The file.</param>
    /// <param name="context">Statements of our own generator that create and fill the tables.</param>
    public static void Write(string path, string context)
    {
        string temporary = $"{path}.tmp-{Path.GetRandomFileName()}";
        var place = new SqliteConnectionStringBuilder { DataSource = temporary, Pooling = false };
        var connection = TemporaryPaths.Add(temporary, () => new SqliteConnection(place.ToString()));
        try
        {
            using (connection)
            {
                connection.Open();
                using var command = connection.CreateCommand();
                command.CommandText = context;
                command.ExecuteNonQuery();
            }

            TemporaryPaths.Remove(temporary, () => FolderMoves.MoveFile(temporary, path));
        }
        catch (Exception e)
        {
            TemporaryPaths.Remove(temporary, () => File.Delete(temporary));
            if (e is SqliteException or IOException or UnauthorizedAccessException) throw FileErrors.Writing(path, e);
            throw;
        }
    }
}
