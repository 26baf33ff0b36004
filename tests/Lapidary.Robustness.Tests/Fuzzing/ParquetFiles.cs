using Parquet.Serialization;

namespace Lapidary.Robustness.Tests.Fuzzing;

/// <summary>Small good Parquet files of the kinds that data sets have.</summary>
internal static class ParquetFiles
{
    public static byte[][] All() =>
    [
        Write([new Row { Text = "once upon a time", Number = 1, Score = 0.5 }, new Row { Text = "é" }]),
        Write([new Chat { Messages = [new Turn { Role = "user", Content = "hi" }, new Turn { Role = "assistant", Content = "ho" }] }]),
        Write([new Ids { InputIds = [2, 10, 11], Labels = [-100, 10, 11] }, new Ids { InputIds = [2, 5] }]),
    ];

    private static byte[] Write<T>(T[] rows)
    {
        using var stream = new MemoryStream();
        ParquetSerializer.SerializeAsync(rows, stream).GetAwaiter().GetResult();
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
}
