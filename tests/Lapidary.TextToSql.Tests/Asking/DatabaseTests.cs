using Lapidary.TextToSql.Asking.Files;

namespace Lapidary.TextToSql.Tests.Asking;

/// <summary>A user's database, in every state that one may be in: it answers, or says in one line why not, and never changes.</summary>
public sealed class DatabaseTests : IDisposable
{
    private readonly DataFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ADatabase_IsRead_AndNothingBesideItChanges()
    {
        string file = _folder.Database("a pet's %41 #1?.db");
        string before = _folder.State();
        Assert.Equal(3L, Count(file));
        Assert.Equal(before, _folder.State());
    }

    [Fact]
    public void TheSchema_HasKeysViewsAndQuotedNames()
    {
        string file = _folder.Database("a.db", """"
            CREATE TABLE owner (id INTEGER PRIMARY KEY, "full name" TEXT NOT NULL /* a comment */);
            CREATE TABLE "order" (a INT, b INT, owner_id INT REFERENCES owner(id), "say ""x""", PRIMARY KEY (a, b));
            CREATE VIEW big AS SELECT a, owner_id AS who FROM "order" WHERE a > 5;
            CREATE VIEW broken AS SELECT x FROM nowhere;
            CREATE VIRTUAL TABLE words USING fts5(body);
            """");
        using var data = AskedData.Open([file], cancellationToken: Token);
        Assert.Equal(
            """"
            CREATE TABLE owner (id INTEGER PRIMARY KEY, "full name" TEXT);
            CREATE TABLE "order" (a INT, b INT, owner_id INT, "say ""x""", PRIMARY KEY (a, b), FOREIGN KEY (owner_id) REFERENCES owner(id));
            CREATE TABLE big (a INT, who INT);
            """".ReplaceLineEndings("\n"),
            data.Schema);
        Assert.Equal([false, false, true], data.Tables.Select(table => table.IsView));
        Assert.Equal(2, data.Notes.Count);
        Assert.Contains("the view broken is left out: no such table: main.nowhere", data.Notes[0], StringComparison.Ordinal);
        Assert.Equal("virtual tables are left out: words.", data.Notes[1]);
        Assert.Empty(data.Query("SELECT \"say \"\"x\"\"\" FROM \"order\"", cancellationToken: Token).Rows);
    }

    /// <summary>A log that another program keeps is read; nothing is made beside the database where there is none.</summary>
    [Fact]
    public void AWriteAheadLog_IsRead()
    {
        string file = _folder["wal.db"];
        using (var writer = DataFolder.Connect(file))
        {
            DataFolder.Run(writer, "PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1), (2);");
            Assert.True(new FileInfo(file + "-wal").Length > 0);
            string open = _folder.State();
            Assert.Equal(2L, Count(file, "t"));
            Assert.Equal(open, _folder.State());
            using var data = AskedData.Open([file], cancellationToken: Token);
            DataFolder.Run(writer, "INSERT INTO t VALUES (3)");
            Assert.Equal(3L, data.Query("SELECT count(*) FROM t", cancellationToken: Token).Rows[0][0]);
        }

        Assert.False(File.Exists(file + "-wal"));
        string closed = _folder.State();
        using (var data = AskedData.Open([file], cancellationToken: Token))
        {
            Assert.Equal(3L, data.Query("SELECT count(*) FROM t", cancellationToken: Token).Rows[0][0]);
            Assert.Equal(closed, _folder.State());
            using var writer = DataFolder.Connect(file);
            DataFolder.Run(writer, "INSERT INTO t VALUES (4)");
            Assert.Equal(4L, data.Query("SELECT count(*) FROM t", cancellationToken: Token).Rows[0][0]);
        }
    }

    /// <summary>A program that was killed leaves its log, whose rows are part of the database.</summary>
    [Fact]
    public void ALogWithoutAProgram_IsReadFromACopy()
    {
        using (var writer = DataFolder.Connect(_folder["wal.db"]))
        {
            DataFolder.Run(writer, "PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1), (2);");
            File.Copy(_folder["wal.db"], _folder["left.db"]);
            File.Copy(_folder["wal.db-wal"], _folder["left.db-wal"]);
        }

        string before = _folder.State();
        using (var data = AskedData.Open([_folder["left.db"]], cancellationToken: Token))
        {
            Assert.Equal(2L, data.Query("SELECT count(*) FROM t", cancellationToken: Token).Rows[0][0]);
            Assert.Contains("a copy of both is read", Assert.Single(data.Notes), StringComparison.Ordinal);
        }

        Assert.Equal(before, _folder.State());
    }

    /// <summary>A file that is missing is named, not the one that it belongs to.</summary>
    [Fact]
    public void WhatACopyNeeds_IsNamed()
    {
        using (var writer = DataFolder.Connect(_folder["wal.db"]))
        {
            DataFolder.Run(writer, "PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1);");
            File.Copy(_folder["wal.db"], _folder["left.db"]);
            File.Copy(_folder["wal.db-wal"], _folder["left.db-wal"]);
            File.Copy(_folder["wal.db"], _folder["other.db"]);
        }

        File.CreateSymbolicLink(_folder["other.db-wal"], "gone");
        string unread = DataFolder.Fails(_folder["other.db"]).Message;
        Assert.StartsWith(_folder["other.db-wal"] + ": file not found", unread, StringComparison.Ordinal);
        var missing = Assert.Throws<Formats.LapidaryException>(() => DatabaseCopy.Make(_folder["left.db"], _folder["nowhere"]));
        Assert.StartsWith(
            $"{_folder["nowhere"]}: expected the folder for temporary files, found none; set TMPDIR", missing.Message,
            StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["nowhere"]));
    }

    /// <summary>A database that another program changes, replaces or deletes while it is asked about.</summary>
    [Fact]
    public async Task Changes_AreSeen()
    {
        string file = _folder.Database("a.db");
        using var data = AskedData.Open([file], cancellationToken: Token);
        using (var writer = DataFolder.Connect(file)) DataFolder.Run(writer, "ALTER TABLE pets ADD COLUMN city TEXT; CREATE TABLE t (a);");
        var writtenTo = new FakeWriter("SELECT count(city) FROM pets");
        var asker = new QuestionAsker(data, writtenTo, new());
        Assert.Equal(0L, (await asker.AskAsync("How many cities?", cancellationToken: Token)).Result!.Rows[0][0]);
        Assert.Contains("city TEXT", writtenTo.Asked[0][^1], StringComparison.Ordinal);
        Assert.Equal(["pets", "t"], data.Tables.Select(table => table.Name));

        File.Delete(file);
        string gone = $"{file}: was deleted or moved after it was opened; put it back, or start again with its new path.";
        var failure = Assert.Throws<Formats.LapidaryException>(() => data.Query("SELECT 1 FROM pets", cancellationToken: Token));
        Assert.Equal(gone, failure.Message);
        failure = await Assert.ThrowsAsync<Formats.LapidaryException>(() => asker.AskAsync("How?", cancellationToken: Token));
        Assert.Equal(gone, failure.Message);
    }

    [Fact]
    public void ALockedDatabase_IsSaidToBe()
    {
        string file = _folder.Database("a.db");
        using var writer = DataFolder.Connect(file);
        DataFolder.Run(writer, "BEGIN EXCLUSIVE");
        Assert.Equal(
            $"{file}: another program is writing to it, and has locked it; try again when it has finished.",
            DataFolder.Fails(file).Message);
        DataFolder.Run(writer, "COMMIT");
        Assert.Equal(3L, Count(file));
    }

    [Fact]
    public void AnInterruptedWrite_IsSaidToBe()
    {
        string file = _folder.Database("a.db");
        using (var writer = DataFolder.Connect(file))
        {
            DataFolder.Run(writer, "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN; UPDATE pets SET name = 'x'; "
                + "CREATE TABLE big (a); INSERT INTO big SELECT randomblob(3000) FROM "
                + "(WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 50) SELECT * FROM c);");
            File.Copy(file, _folder["left.db"]);
            File.Copy(file + "-journal", _folder["left.db-journal"]);
        }

        string before = _folder.State();
        Assert.Contains("left a journal that must be rolled back", DataFolder.Fails(_folder["left.db"]).Message, StringComparison.Ordinal);
        Assert.Equal(before, _folder.State());
    }

    [Fact]
    public void DamagedFiles_AreSaidToBe()
    {
        string good = _folder.Database("good.db", "CREATE TABLE t (a); INSERT INTO t SELECT randomblob(900) FROM "
            + "(WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 50) SELECT * FROM c);");
        byte[] bytes = File.ReadAllBytes(good);
        byte[] holed = [.. bytes];
        holed.AsSpan(4096, 8192).Fill(0x5A);
        Assert.Contains("the database is damaged", Fails("holed.db", holed), StringComparison.Ordinal);
        Assert.Contains("damaged", Fails("short.db", bytes[..5000]), StringComparison.Ordinal);
        byte[] header = [.. bytes];
        header.AsSpan(16, 80).Fill(0xFF);
        Assert.Contains("encrypted or damaged", Fails("header.db", header), StringComparison.Ordinal);
        Assert.Contains("found other bytes", Fails("noise.sqlite", [.. Enumerable.Repeat((byte)7, 500)]), StringComparison.Ordinal);
        Assert.Contains("found an empty file", Fails("empty.db", []), StringComparison.Ordinal);
        Assert.Contains("expected tables to ask about, found none", Fails("bare.db", Bare()), StringComparison.Ordinal);
        Assert.Contains("nor the ending .csv, .tsv, .txt", Fails("notes.md", [.. "# Notes"u8]), StringComparison.Ordinal);

        string Fails(string name, byte[] content)
        {
            string message = DataFolder.Fails(_folder.Write(name, content)).Message;
            Assert.StartsWith(_folder[name] + ": ", message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
            return message;
        }

        byte[] Bare() => File.ReadAllBytes(_folder.Database("made.db", "CREATE TABLE t (a); DROP TABLE t;"));
    }

    [Fact]
    public void LinksFoldersAndMissingFiles_AreToldApart()
    {
        string file = _folder.Database("a.db");
        File.CreateSymbolicLink(_folder["link.db"], "a.db");
        Assert.Equal(3L, Count(_folder["link.db"]));
        File.CreateSymbolicLink(_folder["broken.db"], "gone.db");
        Assert.Contains("file not found", DataFolder.Fails(_folder["broken.db"]).Message, StringComparison.Ordinal);
        Assert.Contains("file not found", DataFolder.Fails(_folder["gone.db"]).Message, StringComparison.Ordinal);
        Assert.Contains("found a folder", DataFolder.Fails(_folder.Path).Message, StringComparison.Ordinal);
        var two = Assert.Throws<Formats.LapidaryException>(
            () => AskedData.Open([file, _folder.Write("x.csv", "a\n1\n")], cancellationToken: Token));
        Assert.Contains("expected one SQLite database alone", two.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Links_AreFollowedToTheLogOfTheirDatabase()
    {
        Directory.CreateDirectory(_folder["other"]);
        using var writer = DataFolder.Connect(System.IO.Path.Combine(_folder["other"], "wal.db"));
        DataFolder.Run(writer, "PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1), (2);");
        File.CreateSymbolicLink(_folder["link.db"], System.IO.Path.Combine("other", "wal.db"));
        Assert.Equal(2L, Count(_folder["link.db"], "t"));
    }

    /// <summary>The clock is the user's, and a mistyped column an error, not a text.</summary>
    [Fact]
    public void Queries_MeanWhatAUserMeans()
    {
        using var data = AskedData.Open([_folder.Database("a.db")], cancellationToken: Token);
        string today = (string)data.Query("SELECT date('now')", cancellationToken: Token).Rows[0][0]!;
        Assert.InRange(
            DateTime.ParseExact(today, "yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture),
            TimeProvider.System.GetUtcNow().UtcDateTime.Date.AddDays(-1), TimeProvider.System.GetUtcNow().UtcDateTime.Date);
        var wrong = Assert.Throws<Formats.LapidaryException>(() => data.Query("SELECT \"nmae\" FROM pets", cancellationToken: Token));
        Assert.Contains("no such column", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ManyUsers_AskAtOnce()
    {
        using var database = AskedData.Open([_folder.Database("a.db")], cancellationToken: Token);
        using var tables = AskedData.Open([_folder.Write("pets.csv", "name\nRex\nTom\nJerry\n")], cancellationToken: Token);
        object?[] counts = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(
            () => (i % 2 == 0 ? database : tables).Query("SELECT count(*) FROM pets", cancellationToken: Token).Rows[0][0], Token)));
        Assert.All(counts, count => Assert.Equal(3L, count));
    }

    private static object? Count(string file, string table = "pets")
    {
        using var data = AskedData.Open([file], cancellationToken: Token);
        Assert.Empty(data.Notes);
        return data.Query($"SELECT count(*) FROM {table}", cancellationToken: Token).Rows[0][0];
    }
}
