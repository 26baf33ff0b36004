using System.Buffers.Binary;
using Google.Protobuf;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Logging;

namespace Lapidary.Training.Reports.Recorded;

/// <summary>The log in a run's TensorBoard events, which are newer than the checkpoints of a run in progress.</summary>
internal static class EventLog
{
    private const long MaxBytes = 1L << 30;

    private const int HeadBytes = 12, TailBytes = 4;

    /// <summary>The entries, by step. A resumed run opens a new file: from its first step on, entries of earlier files do not
    /// count.</summary>
    /// <exception cref="LapidaryException">A file cannot be read. A file that ends amid a record is no error.</exception>
    public static IReadOnlyList<LogEntry> Read(string folder)
    {
        string events = Path.Combine(folder, RunNames.Events);
        if (!Directory.Exists(events)) return [];
        List<LogEntry> log = [];
        foreach (string file in Directory.GetFiles(events, TensorBoardWriter.NamePrefix + "*").Order(StringComparer.Ordinal))
        {
            LogEntry[] entries = [.. Entries(InputFile.ReadAllBytes(file, MaxBytes, "TensorBoard events"))];
            if (entries.Length == 0) continue;
            log.RemoveAll(entry => entry.Step >= entries[0].Step);
            log.AddRange(entries);
        }

        return log;
    }

    private static IEnumerable<LogEntry> Entries(byte[] file)
    {
        for (int at = 0; Record(file, at) is { } record; at += HeadBytes + record.Length + TailBytes)
        {
            if (Parse(record) is { Summary.Value: { Count: > 0 } values } found && Entry((int)found.Step, values) is { } entry)
                yield return entry;
        }
    }

    /// <summary>The data of a whole record with right checksums; null for anything else.</summary>
    private static byte[]? Record(byte[] file, int at)
    {
        var rest = file.AsSpan(Math.Min(at, file.Length));
        if (rest.Length < HeadBytes + TailBytes || !HasCrc(rest[..8], rest[8..])) return null;
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(rest);
        if (length > (ulong)(rest.Length - HeadBytes - TailBytes)) return null;
        var data = rest.Slice(HeadBytes, (int)length);
        return HasCrc(data, rest[(HeadBytes + (int)length)..]) ? data.ToArray() : null;
    }

    private static bool HasCrc(ReadOnlySpan<byte> data, ReadOnlySpan<byte> crc) =>
        RecordFrame.MaskedCrc(data) == BinaryPrimitives.ReadUInt32LittleEndian(crc);

    private static TensorBoardEvent? Parse(byte[] record)
    {
        try
        {
            return TensorBoardEvent.Parser.ParseFrom(record);
        }
        catch (InvalidProtocolBufferException)
        {
            return null; // of another program
        }
    }

    /// <summary>The entry whose scalars <see cref="TensorBoardObserver"/> has written; null for other values.</summary>
    private static LogEntry? Entry(int step, IEnumerable<TensorBoardSummary.Types.Value> values)
    {
        var entry = new LogEntry { Step = step };
        bool isEntry = false;
        foreach (var value in values.Where(value => value.ValueCase == TensorBoardSummary.Types.Value.ValueOneofCase.SimpleValue))
        {
            double number = value.SimpleValue;
            isEntry |= value.Tag is "train/loss" or "eval/loss";
            entry = value.Tag switch
            {
                "train/loss" => entry with { Loss = number },
                "train/grad_norm" => entry with { GradNorm = number },
                "train/learning_rate" => entry with { LearningRate = number },
                "train/tokens_per_second" => entry with { TokensPerSecond = number },
                "train/mean_token_accuracy" => entry with { MeanTokenAccuracy = number },
                "train/epoch" => entry with { Epoch = number },
                "eval/loss" => entry with { EvalLoss = number },
                "eval/mean_token_accuracy" => entry with { EvalMeanTokenAccuracy = number },
                ['e', 'v', 'a', 'l', '/', .. { Length: > 0 } metric] => entry with { EvalMetric = metric, EvalMetricValue = number },
                _ => entry,
            };
        }

        return isEntry ? entry : null;
    }
}
