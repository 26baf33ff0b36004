using Lapidary.Training.Tests.Data;
using Parquet;
using Parquet.Schema;

namespace Lapidary.Training.Tests.Sources;

/// <summary>Tables of which a run needs a few columns.</summary>
public class WideParquetTests
{
    private const int Columns = 200, Rows = 200, Groups = 3, Length = 500;

    [Fact]
    public async Task Load_DecodesTheColumnsThatAreUsed()
    {
        DataField[] fields = [.. Enumerable.Range(0, Columns).Select(i => new DataField($"c{i}", typeof(string), isNullable: false))];
        using var stream = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(
            new ParquetSchema(fields), stream, cancellationToken: TestContext.Current.CancellationToken))
        {
            for (int group = 0; group < Groups; group++)
            {
                using var part = writer.CreateRowGroup();
                foreach (var field in fields)
                {
                    string[] values = [.. Enumerable.Range(0, Rows).Select(i => $"{field.Name} {group} {i} ".PadRight(Length, 'x'))];
                    await part.WriteAsync(field, values);
                }
            }
        }

        using var file = new TemporaryFile("wide.parquet", stream.ToArray());
        var options = new DataSetOptions
        {
            PromptColumn = "c7",
            CompletionColumn = "c9",
            Filters = [RowFilter.Parse("c11~c11 1 0")],
            CacheDir = "",
        };
        long before = GC.GetAllocatedBytesForCurrentThread();
        var data = DataSet.Load(file.Name, options);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(1, data.Count);
        Assert.Contains(data.Rows, row => RowText.Of(row).StartsWith("c7 1 0 x", StringComparison.Ordinal));

        // All columns as text are 2 · 200 · 600 · 500 bytes: 120 MB.
        Assert.True(allocated < 30_000_000, $"{allocated} bytes");
    }
}
