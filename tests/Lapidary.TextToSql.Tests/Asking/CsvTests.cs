using System.IO.Compression;
using System.Text;
using Lapidary.Formats;

namespace Lapidary.TextToSql.Tests.Asking;

public sealed class CsvTests : IDisposable
{
    private readonly DataFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a,b\n1,\"x, \"\"y\"\"\nz\"\n", "CREATE TABLE t (a INTEGER, b TEXT);", "1|x, \"y\"\nz")]
    [InlineData("\uFEFFa,b\r\n1,2\r\n", "CREATE TABLE t (a INTEGER, b INTEGER);", "1|2")]
    [InlineData("a;b\n1,5 kg;x\n", "CREATE TABLE t (a TEXT, b TEXT);", "1,5 kg|x")]
    [InlineData("a\tb\n1\t2.5\n", "CREATE TABLE t (a INTEGER, b REAL);", "1|2.5")]
    [InlineData("a|b\n1|2e3\n", "CREATE TABLE t (a INTEGER, b REAL);", "1|2000")]
    [InlineData("name\nRex\n", "CREATE TABLE t (name TEXT);", "Rex")]
    [InlineData("unit price,order,\"say \"\"x\"\"\"\n1,2,3\n",
        "CREATE TABLE t (\"unit price\" INTEGER, \"order\" INTEGER, \"say \"\"x\"\"\" INTEGER);", "1|2|3")]
    [InlineData("a, b\n1, 2\n", "CREATE TABLE t (a INTEGER, b INTEGER);", "1|2")]
    [InlineData("a,b\n,\n3,\n", "CREATE TABLE t (a INTEGER, b TEXT);", "|")]
    [InlineData("größe,名\n1,Ä\n", "CREATE TABLE t (größe INTEGER, 名 TEXT);", "1|Ä")]
    public void Files_BecomeTables(string text, string schema, string firstRow)
    {
        using var data = AskedData.Open([_folder.Write("t.csv", text)], cancellationToken: Token);
        Assert.Equal(schema, data.Schema);
        Assert.Empty(data.Notes);
        Assert.Equal(firstRow, Row(data));
    }

    [Theory]
    [InlineData("0;12;-7;9223372036854775807", "INTEGER")]
    [InlineData("1.5;-0.25;3;1e-7;.5", "REAL")]
    [InlineData("12.50;3.00;100.75;0.1", "REAL", "if they are versions, write v1.10")]
    [InlineData("1.9;1.10;2", "REAL", "1.10, which is read as 1.1")]
    [InlineData("1.10;2.20;0.00;3", "REAL")]
    [InlineData("2.0;2.25;1e10", "REAL")]
    [InlineData("0.30000000000000004;-1.7976931348623157e308;5e-324", "REAL")]
    [InlineData("3.14159265358979323846;1.5", "REAL", "more than 15 digits; REAL keeps the first 15.")]
    [InlineData("007;12", "TEXT")]
    [InlineData("00.5;12", "TEXT")]
    [InlineData("+49;12", "TEXT")]
    [InlineData("12345678901234567890", "TEXT")]
    [InlineData("9007199254740993;1.5", "TEXT")]
    [InlineData("2024-05-01;2024-05-02", "TEXT")]
    [InlineData("true;false", "TEXT")]
    [InlineData("NaN;Infinity;1e999", "TEXT")]
    [InlineData("12;x", "TEXT")]
    [InlineData("-;-0", "TEXT")]
    [InlineData("0x1F", "TEXT")]
    [InlineData("1e;2", "TEXT")]
    public void Types_LoseNothingInSilence(string values, string type, string? note = null)
    {
        string[] lines = values.Split(';');
        string text = "v|w\n" + string.Concat(lines.Select(line => $"{line}|\n"));
        using var data = AskedData.Open([_folder.Write("t.csv", text)], cancellationToken: Token);
        Assert.Equal(type, data.Tables[0].Columns[0].Type);
        if (note is null) Assert.Empty(data.Notes);
        else Assert.Contains(note, Assert.Single(data.Notes), StringComparison.Ordinal);
        var found = data.Query("SELECT v FROM t", cancellationToken: Token).Rows.Select(row => row[0]!);
        if (type == "TEXT") Assert.Equal(lines, found);
        else Assert.Equal(lines.Select(ToDouble), found.Select(ToDouble));

        static double ToDouble(object value) => Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>A comma is before decimals, or between thousands, where a number of the column tells.</summary>
    [Theory]
    [InlineData("1.234,50;-0,5;7;12", "REAL", "1234.5;-0.5;7;12", "has decimal commas")]
    [InlineData("1,234;0,125", "REAL", "1.234;0.125", "has decimal commas")]
    [InlineData("1.234.567,891;2", "REAL", "1234567.891;2", "has decimal commas")]
    [InlineData("1,234;12,345", "TEXT", "1,234;12,345", "so they stay texts, and SUM reads the 1 alone.")]
    [InlineData("1,234.50;2.5;-7;1,234", "REAL", "1234.5;2.5;-7;1234", "has commas between thousands")]
    [InlineData("1e2;1,234.5;.5", "REAL", "100;1234.5;0.5", "has commas between thousands")]
    [InlineData("1,234,567;5", "REAL", "1234567;5", "has commas between thousands")]
    [InlineData("1,23.5;1.5", "TEXT", "1,23.5;1.5", null)]
    [InlineData("12.34,5;1,5", "TEXT", "12.34,5;1,5", null)]
    [InlineData("1.23,5;1,5", "TEXT", "1.23,5;1,5", null)]
    [InlineData("01,5;1,5", "TEXT", "01,5;1,5", null)]
    [InlineData("1,5;1,5 €", "TEXT", "1,5;1,5 €", "has numbers with a sign, as 1,5 €, so they stay texts")]
    [InlineData("1.234,50 €;-2,00 €", "TEXT", "1.234,50 €;-2,00 €", "as 1.234,50 €, so they stay texts")]
    [InlineData("50%;7 %;12", "TEXT", "50%;7 %;12", "as 50%, so they stay texts, and SUM reads only what they begin with")]
    [InlineData("$5;$-1.50", "TEXT", "$5;$-1.50", "as $5, so")]
    [InlineData("EUR 5;7 EUR", "TEXT", "EUR 5;7 EUR", "as EUR 5, so")]
    [InlineData("50%;half", "TEXT", "50%;half", null)]
    [InlineData("%;5", "TEXT", "%;5", null)]
    [InlineData("5 kg;7 kg", "TEXT", "5 kg;7 kg", null)]
    [InlineData("1.234.567;12", "TEXT", "1.234.567;12", "like 1.234.567, so they stay texts, and SUM reads the 1.234 alone")]
    [InlineData("1.2.3;1.2.4", "TEXT", "1.2.3;1.2.4", null)]
    [InlineData("1,;2,5", "TEXT", "1,;2,5", null)]
    [InlineData("1,5;1,5,5", "TEXT", "1,5;1,5,5", null)]
    public void NumbersWithCommas_AreRead_WhereTheyCanBeNothingElse(string values, string type, string expected, string? note)
    {
        string text = "v|w\n" + string.Concat(values.Split(';').Select(line => $"{line}|\n"));
        using var data = AskedData.Open([_folder.Write("t.csv", text)], cancellationToken: Token);
        Assert.Equal(type, data.Tables[0].Columns[0].Type);
        Assert.Equal(expected, string.Join(';', data.Query("SELECT v FROM t", cancellationToken: Token).Rows.Select(
            row => Convert.ToString(row[0], System.Globalization.CultureInfo.InvariantCulture))));
        if (note is null) Assert.Empty(data.Notes);
        else Assert.Contains(note, Assert.Single(data.Notes), StringComparison.Ordinal);
        using var quoted = AskedData.Open([_folder.Write("q.csv", "v,w\n\"1,5\",\n\"2,5\",\n")], cancellationToken: Token);
        Assert.Equal("TEXT", quoted.Tables[0].Columns[0].Type);
        Assert.Contains("so they stay texts", Assert.Single(quoted.Notes), StringComparison.Ordinal);
        using var english = AskedData.Open([_folder.Write("e.csv", "v,w\n\"1,234.50\",\n\"2,000.00\",\n")], cancellationToken: Token);
        Assert.Equal(3234.5, english.Query("SELECT SUM(v) FROM e", cancellationToken: Token).Rows[0][0]);
    }

    /// <summary>1.234 beside 1,50 is likely 1234: it is read as it stands, and said.</summary>
    [Theory]
    [InlineData("1,50", "1.234", "12", true)]
    [InlineData("1,50", "1.234", "12.5", false)]
    [InlineData("1,50", "0.234", "12", false)]
    [InlineData("1,50", "1234", "12", false)]
    [InlineData("1.50", "1.234", "12", false)]
    public void APointBesideDecimalCommas_IsNoted_WhereItMayPartThousands(string price, string count, string other, bool isNoted)
    {
        using var data = AskedData.Open([_folder.Write("t.csv", $"price;count\n{price};{count}\n2;{other}\n")], cancellationToken: Token);
        const string Note = "the column count has numbers like 1.234 beside a column with decimal commas";
        Assert.Equal(isNoted, data.Notes.Any(note => note.Contains(Note, StringComparison.Ordinal)));
        var read = data.Query("SELECT count FROM t", cancellationToken: Token).Rows[0][0];
        Assert.Equal(double.Parse(count, System.Globalization.CultureInfo.InvariantCulture), Convert.ToDouble(read));
    }

    /// <summary>Programs that write semicolons often part thousands by points.</summary>
    [Theory]
    [InlineData("count;note\n1.234;x\n12;y\n", true)]
    [InlineData("count;note\n1.234;x\n12.5;y\n", false)]
    [InlineData("count;price\n1.234;0.5\n12;2\n", false)]
    [InlineData("count,note\n1.234,x\n12,y\n", false)]
    public void APointBetweenSemicolons_IsNoted_WhereNothingSaysThatItIsDecimal(string text, bool isNoted)
    {
        using var data = AskedData.Open([_folder.Write("t.csv", text)], cancellationToken: Token);
        Assert.Equal(isNoted, data.Notes.Any(note => note.Contains(
            "the column count has numbers like 1.234 between semicolons; the point is read as a decimal one", StringComparison.Ordinal)));
        Assert.Equal(1.234, data.Query("SELECT count FROM t", cancellationToken: Token).Rows[0][0]);
    }

    /// <summary>Points part days, months and years in that order only.</summary>
    [Theory]
    [InlineData("31.12.2024;;01.02.2023;5.6.1999", "1999-06-05;2023-02-01;2024-12-31", true)]
    [InlineData("31.12.2024;30.02.2024", "30.02.2024;31.12.2024", false)]
    [InlineData("31.12.2024;31.12.24", "31.12.2024;31.12.24", false)]
    [InlineData("31/12/2024;01/02/2024", "01/02/2024;31/12/2024", false)]
    [InlineData("31.12.2024;bald", "31.12.2024;bald", false)]
    public void DatesWithPoints_BecomeDatesOfSql(string values, string expected, bool isNoted)
    {
        string text = "v,w\n" + string.Concat(values.Split(';').Select(line => $"{line},\n"));
        using var data = AskedData.Open([_folder.Write("t.csv", text)], cancellationToken: Token);
        Assert.Equal(expected, string.Join(';', data.Query(
            "SELECT v FROM t WHERE v IS NOT NULL ORDER BY v", cancellationToken: Token).Rows.Select(row => row[0])));
        Assert.Equal(isNoted, data.Notes.Any(note => note.Contains("31.12.2024 is read as 2024-12-31", StringComparison.Ordinal)));
    }

    [Fact]
    public void HeadersWithoutNames_GetSome()
    {
        using var data = AskedData.Open([_folder.Write("t.csv", ",a,A,a_2,\n0,1,2,3,4\n")], cancellationToken: Token);
        Assert.Equal(["column_1", "a", "A_3", "a_2", "column_5"], data.Tables[0].Columns.Select(column => column.Name));
        Assert.Equal("0|1|2|3|4", Row(data));
        Assert.EndsWith(
            "columns without a name, or with one that another column has: 1 is column_1, 3 is A_3, 5 is column_5.",
            Assert.Single(data.Notes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a,b\n1,2\n\n3\n", " line 4: expected 2 fields like the header, found 1")]
    [InlineData("a,b\n1,2,3\n", " line 2: expected 2 fields like the header, found 3; put values with a comma or a line end into quotes.")]
    [InlineData("a,b\n1,\"x\ny\"\n1,2,3\n", " line 4: expected 2 fields")]
    [InlineData("a,b\n1,\"x\n", " line 2: expected a closing quote")]
    [InlineData("a,b\n1,\"x\"y\n", " line 2: expected a separator or line end after a closing quote")]
    [InlineData("\n\n", ": expected a header line with column names")]
    public void DamagedLines_AreNamed(string text, string message)
    {
        string file = _folder.Write("t.csv", text);
        Assert.StartsWith(file + message, DataFolder.Fails(file).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encodings_AreUtf8OrMarked()
    {
        string latin = _folder.Write("latin.csv", Encoding.Latin1.GetBytes("a,b\n1,ä\n"));
        Assert.Equal($"{latin} line 2: expected UTF-8, found other bytes; save it as UTF-8.", DataFolder.Fails(latin).Message);
        byte[] marked = [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("a,b\n1,ä\n")];
        using var data = AskedData.Open([_folder.Write("wide.csv", marked)], cancellationToken: Token);
        Assert.Equal("1|ä", Row(data));

        // Whatever is cut off, it is either a whole character or said to be a part of one.
        foreach (var encoding in (Encoding[])[Encoding.Unicode, Encoding.BigEndianUnicode])
        {
            byte[] whole = [.. encoding.Preamble, .. encoding.GetBytes("a,b\n1,😀😀\n")];
            Assert.Null(Record.Exception(() => AskedData.Open([_folder.Write("cut.csv", whole)], cancellationToken: Token).Dispose()));
            foreach (byte[] part in (byte[][])[whole[..^1], whole[..^3], whole[..^4], [.. whole[..^6], .. whole[^4..]]])
            {
                string message = DataFolder.Fails(_folder.Write("cut.csv", part)).Message;
                Assert.StartsWith(_folder["cut.csv"] + ": could not be read (", message, StringComparison.Ordinal);
                Assert.Contains("a character of UTF-16", message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Names_ComeFromTheFiles()
    {
        Directory.CreateDirectory(_folder["old"]);
        string packed = _folder["2024 sales-report.csv.gz"];
        using (var gzip = new GZipStream(File.Create(packed), CompressionLevel.Fastest)) gzip.Write("a\n1\n"u8);
        using var data = AskedData.Open(
            [packed, _folder.Write("order.csv", "a\n2\n"), _folder.Write("pets.csv", "a\n3\n"), _folder.Write("old/PETS.tsv", "a\n4\n")],
            cancellationToken: Token);
        Assert.Equal(["t_2024_sales_report", "t_order", "pets", "PETS_2"], data.Tables.Select(table => table.Name));
        Assert.Equal(3, data.Notes.Count);
        Assert.EndsWith("PETS.tsv: its table is called PETS_2.", data.Notes[2], StringComparison.Ordinal);
        var joined = data.Query("SELECT p.a, q.a FROM pets AS p, PETS_2 AS q", cancellationToken: Token);
        Assert.Equal([3L, 4L], joined.Rows[0]);
    }

    [Fact]
    public void WideFiles_HaveALimit()
    {
        string Wide(int columns) => _folder.Write($"w{columns}.csv", string.Join(',', Enumerable.Range(0, columns).Select(i => $"c{i}"))
            + "\n" + string.Join(',', Enumerable.Range(0, columns)) + "\n");
        using var data = AskedData.Open([Wide(500)], cancellationToken: Token);
        Assert.Equal(500, data.Query("SELECT * FROM w500", cancellationToken: Token).Columns.Count);
        using var widest = AskedData.Open([Wide(2000)], cancellationToken: Token);
        Assert.Contains("expected at most 2000 columns, found 2001", DataFolder.Fails(Wide(2001)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFileThatChanges_IsSaidTo()
    {
        string file = _folder.Write("t.csv", "a\n1\n");
        using var data = AskedData.Open([file], cancellationToken: Token);
        Assert.Empty(data.Notes);
        File.SetLastWriteTimeUtc(file, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Assert.Equal($"{file}: was changed or moved after its rows were read; start again to read it anew.", Assert.Single(data.Notes));
        Assert.Equal("1", Row(data));
    }

    [Fact]
    public void AnImport_IsCancelled_AndReportsItsRows()
    {
        string file = _folder.Write("long.csv", "a\n" + string.Concat(Enumerable.Range(0, 25_000).Select(i => $"{i}\n")));
        var reports = new List<WorkProgress>();
        using var data = AskedData.Open([file], new Listener(reports.Add), Token);
        Assert.Equal(
            [
                ("looking at long.csv", 10_000L), ("looking at long.csv", 20_000L), ("reading long.csv", 10_000L),
                ("reading long.csv", 20_000L),
            ],
            reports.Select(report => (report.Work, report.Done)));
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => AskedData.Open([file], new Listener(_ => stop.Cancel()), stop.Token));
    }

    private static string Row(AskedData data) =>
        string.Join('|', data.Query($"SELECT * FROM {data.Tables[0].Name}", cancellationToken: Token).Rows[0].Select(
            value => Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture)));

    private sealed class Listener(Action<WorkProgress> report) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => report(value);
    }
}
