using Parquet;
using Parquet.Schema;
using Parquet.Serialization;

namespace Lapidary.TextToSql.Tests.Asking;

public sealed class ParquetTests : IDisposable
{
    private readonly DataFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    private sealed class Sale
    {
        public string? City { get; set; }
        public int Pieces { get; set; }
        public decimal Price { get; set; }
        public double? Weight { get; set; }
        public bool IsPaid { get; set; }
        public DateTime Sold { get; set; }
        public DateOnly Due { get; set; }
        public Guid Id { get; set; }
        public ulong Big { get; set; }
        public byte[]? Image { get; set; }
        public List<string>? Tags { get; set; }
    }

    [Fact]
    public async Task Types_BecomeWhatSqlCanUse()
    {
        Sale[] sales =
        [
            new()
            {
                City = "Paris",
                Pieces = 3,
                Price = 1.25m,
                Weight = 2.5,
                IsPaid = true,
                Sold = new DateTime(2024, 1, 2, 3, 4, 5, DateTimeKind.Utc),
                Due = new DateOnly(2024, 2, 3),
                Id = new Guid("00112233-4455-6677-8899-aabbccddeeff"),
                Big = ulong.MaxValue,
                Image = [1, 2],
                Tags = ["ä", "b"],
            },
            new() { Price = 2m, Sold = new DateTime(2024, 6, 1, 0, 0, 0, DateTimeKind.Utc), Due = new DateOnly(2025, 1, 1) },
        ];
        using (var stream = File.Create(_folder["sales.parquet"]))
            await ParquetSerializer.SerializeAsync(sales, stream, cancellationToken: Token);
        using var data = AskedData.Open([_folder["sales.parquet"]], cancellationToken: Token);
        Assert.Equal(
            "CREATE TABLE sales (City TEXT, Pieces INTEGER, Price REAL, Weight REAL, IsPaid BOOLEAN, Sold TEXT, Due TEXT, "
            + "Id TEXT, Big TEXT, Image BLOB, Tags TEXT);",
            data.Schema);
        Assert.Empty(data.Notes);
        var rows = data.Query("SELECT * FROM sales", cancellationToken: Token).Rows;
        Assert.Equal<object?>(
            [
                "Paris", 3L, 1.25, 2.5, 1L, "2024-01-02 03:04:05", "2024-02-03", "00112233-4455-6677-8899-aabbccddeeff",
                "18446744073709551615", new byte[] { 1, 2 }, "[\"ä\",\"b\"]",
            ],
            rows[0]);
        Assert.Equal([null, 0L, 2.0, null, 0L], rows[1].Take(5));
        const string Later = "SELECT count(*) FROM sales WHERE Sold > '2024-03-01' AND strftime('%Y', Due) = '2025'";
        var later = data.Query(Later, cancellationToken: Token);
        Assert.Equal(1L, later.Rows[0][0]);
    }

    [Theory]
    [InlineData(TimeUnitPrecision.Millis, 34_200_000)]
    [InlineData(TimeUnitPrecision.Micros, 34_200_000_000)]
    public async Task TimesOfDay_AreTexts(TimeUnitPrecision unit, long value)
    {
        var field = new TimeDataField("t", unit, isNullable: false);
        using (var stream = File.Create(_folder["times.parquet"]))
        {
            await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(field), stream, cancellationToken: Token);
            using var group = writer.CreateRowGroup();
            if (unit == TimeUnitPrecision.Millis) await group.WriteAsync<int>(field, new[] { (int)value }, cancellationToken: Token);
            else await group.WriteAsync<long>(field, new[] { value }, cancellationToken: Token);
        }

        using var data = AskedData.Open([_folder["times.parquet"]], cancellationToken: Token);
        Assert.Equal("09:30:00", data.Query("SELECT t FROM times", cancellationToken: Token).Rows[0][0]);
    }

    [Fact]
    public async Task FilesOfBothKinds_AreJoined()
    {
        using (var stream = File.Create(_folder["sales.parquet"]))
            await ParquetSerializer.SerializeAsync(new[] { new Sale { City = "Paris", Pieces = 3 } }, stream, cancellationToken: Token);
        string cities = _folder.Write("cities.csv", "name,country\nParis,France\n");
        using var data = AskedData.Open([_folder["sales.parquet"], cities], cancellationToken: Token);
        var result = data.Query("SELECT country, Pieces FROM sales JOIN cities ON City = name", cancellationToken: Token);
        Assert.Equal(["France", 3L], result.Rows[0]);
    }

    [Fact]
    public async Task DamagedOrEmptyFiles_AreSaidToBe()
    {
        string noise = _folder.Write("t.parquet", "PAR1 and then nothing of the kind PAR1");
        Assert.Contains("found one that cannot be read", DataFolder.Fails(noise).Message, StringComparison.Ordinal);
        using (var stream = File.Create(_folder["none.parquet"]))
            await ParquetSerializer.SerializeAsync(Array.Empty<Sale>(), stream, cancellationToken: Token);
        string message = DataFolder.Fails(_folder["none.parquet"]).Message;
        Assert.Contains("expected rows, found a file without any", message, StringComparison.Ordinal);
    }
}
