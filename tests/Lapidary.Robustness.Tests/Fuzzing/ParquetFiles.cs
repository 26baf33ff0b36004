using Parquet;
using Parquet.Serialization;

namespace Lapidary.Robustness.Tests.Fuzzing;

/// <summary>Small good Parquet files of the kinds that data sets have.</summary>
internal static class ParquetFiles
{
    public static byte[][] All() =>
    [
        .. new[] { CompressionMethod.Snappy, CompressionMethod.None, CompressionMethod.Gzip, CompressionMethod.Zstd }.SelectMany(All),
    ];

    private static IEnumerable<byte[]> All(CompressionMethod method) =>
    [
        Write(method, new Row { Text = "once upon a time", Number = 1, Score = 0.5 }, new Row { Text = "é" }),
        Write(method, new Chat { Messages = [new() { Role = "user", Content = "hi" }, new() { Role = "assistant", Content = "ho" }] }),
        Write(method, new Ids { InputIds = [2, 10, 11], Labels = [-100, 10, 11] }, new Ids { InputIds = [2, 5] }),
        Write(method, new Nested { Grid = [[1, 2], []], Names = new() { ["a"] = "b" }, Flag = true }, new Nested()),
        Write(method, [.. Enumerable.Range(0, 300).Select(i => new Row { Text = i % 2 == 0 ? "even" : "odd", Number = i * i })]),
    ];

    private static byte[] Write<T>(CompressionMethod method, params T[] rows)
    {
        using var stream = new MemoryStream();
        ParquetSerializer.SerializeAsync(rows, stream, new() { CompressionMethod = method, RowGroupSize = 100 }).GetAwaiter().GetResult();
        return stream.ToArray();
    }

    private sealed class Row
    {
        [System.Text.Json.Serialization.JsonPropertyName("text")]
        public string? Text { get; set; }

        public int? Number { get; set; }

        public double Score { get; set; }
    }

    private sealed class Chat
    {
        [System.Text.Json.Serialization.JsonPropertyName("messages")]
        public List<Turn>? Messages { get; set; }
    }

    private sealed class Turn
    {
        [System.Text.Json.Serialization.JsonPropertyName("role")]
        public string? Role { get; set; }

        [System.Text.Json.Serialization.JsonPropertyName("content")]
        public string? Content { get; set; }
    }

    private sealed class Ids
    {
        [System.Text.Json.Serialization.JsonPropertyName("input_ids")]
        public List<int>? InputIds { get; set; }

        [System.Text.Json.Serialization.JsonPropertyName("labels")]
        public List<int>? Labels { get; set; }
    }

    private sealed class Nested
    {
        [System.Text.Json.Serialization.JsonPropertyName("text")]
        public List<List<int>>? Grid { get; set; }

        [System.Text.Json.Serialization.JsonPropertyName("prompt")]
        public Dictionary<string, string>? Names { get; set; }

        [System.Text.Json.Serialization.JsonPropertyName("completion")]
        public bool? Flag { get; set; }
    }
}
