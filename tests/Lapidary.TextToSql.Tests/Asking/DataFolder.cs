using System.Text;
using Lapidary.Formats;
using Lapidary.Tests;
using Microsoft.Data.Sqlite;

namespace Lapidary.TextToSql.Tests.Asking;

/// <summary>A folder with data, which goes away with its test.</summary>
internal sealed class DataFolder : IDisposable
{
    public string Path { get; } = Fixtures.TemporaryFolder();

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Names, contents and times of all files: equal as long as nothing in the folder changed. The content of a log's index does
    /// not count, as connections of one process share their marks in it.</summary>
    public string State() => string.Join('\n', Directory.EnumerateFiles(Path).Order(StringComparer.Ordinal).Select(file =>
        $"{file} {File.GetLastWriteTimeUtc(file):O} " + (file.EndsWith("-shm", StringComparison.Ordinal) ? ""
            : Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(Bytes(file))))));

    public string Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    public string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }

    /// <summary>Makes a database of pets, or of another script.</summary>
    public string Database(string name, string? script = null)
    {
        using var connection = Connect(this[name]);
        Run(connection, script ?? "CREATE TABLE pets (id INTEGER PRIMARY KEY, name TEXT, weight REAL); "
            + "INSERT INTO pets VALUES (1, 'Rex', 9.5), (2, 'Tom', 4.5), (3, 'Jerry', 0.1);");
        return this[name];
    }

    public static SqliteConnection Connect(string path)
    {
        var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        return connection;
    }

    public static void Run(SqliteConnection connection, string script)
    {
        using var command = connection.CreateCommand();
        command.CommandText = script;
        command.ExecuteNonQuery();
    }

    public static LapidaryException Fails(string path) => Assert.Throws<LapidaryException>(() =>
    {
        using var data = AskedData.Open([path], cancellationToken: TestContext.Current.CancellationToken);
        data.Query("SELECT * FROM " + data.Tables[0].Name, cancellationToken: TestContext.Current.CancellationToken);
    });

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private static byte[] Bytes(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
