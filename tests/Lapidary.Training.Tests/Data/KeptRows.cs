using Lapidary.Gemma;
using Lapidary.Tests;

namespace Lapidary.Training.Tests.Data;

/// <summary>Rows of every kind, and a cache for their tokens.</summary>
public abstract class KeptRows : IDisposable
{
    private protected readonly string _root = Fixtures.TemporaryFolder();

    private protected string Cache => Path.Combine(_root, "cache");

    public void Dispose()
    {
        Directory.Delete(_root, recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected static string Line(string kind, int i)
    {
        string words = string.Concat(Enumerable.Repeat("ab c", (i * 7 % 11) + 1));
        string ids = string.Join(',', Enumerable.Range(0, (i * 5 % 37) + 2).Select(j => 200 + ((i + j) % 700)));
        return kind switch
        {
            "text" => $$"""{"text":"{{i}} {{words}}"}""",
            "pair" => $$"""{"prompt":"{{words}}","completion":"{{i}}"}""",
            "chat" => $$"""{"messages":[{"role":"user","content":"{{i}}"},{"role":"assistant","content":"{{words}}"}]}""",
            "context" => $$"""{"messages":[{"role":"user","content":"{{i}}"},{"role":"assistant","content":"{{words}}","name":"x"}]}""",
            "conversation" =>
                $$"""{"prompt":[{"role":"user","content":"{{i}}"}],"completion":[{"role":"assistant","content":"{{words}}"}]}""",
            "tokens" => $$"""{"input_ids":[{{ids}}]}""",
            _ => $$"""{"input_ids":[7,8,9,10],"labels":[-100,{{i % 3}},-100,10]}""",
        };
    }

    private protected string Write(string kind, int count = 300, string? name = null)
    {
        string path = Path.Combine(_root, name ?? kind + ".jsonl");
        File.WriteAllLines(path, Enumerable.Range(0, count).Select(i => Line(kind, i)));
        return path;
    }

    private protected DataSetOptions Options(bool spilled, bool kept) => new()
    {
        CacheDir = kept ? Cache : "",
        Limits = new() { MemoryBytes = spilled ? 0 : long.MaxValue, CachedBytes = 1 },
    };

    private protected static PreparedDataSet Prepare(
        DataSet data, PackingStrategy packing = PackingStrategy.Bfd, ITextEncoder? encoder = null) =>
        PreparedDataSet.Create(data, encoder ?? new CountingEncoder(), Model, new SftConfig
        {
            MaxLength = 32,
            Packing = packing != PackingStrategy.None,
            PackingStrategy = packing == PackingStrategy.None ? PackingStrategy.Bfd : packing,
        });

    private protected static GemmaConfig Model { get; } = GemmaConfig.Load(Fixtures.Path("tiny/model")) with
    {
        VocabSize = ToyEncoder.Vocabulary,
    };

    /// <summary>Everything that a run sees, in words.</summary>
    private protected static string Describe(PreparedDataSet prepared)
    {
        var packed = prepared.Packed;
        var batches = Enumerable.Range(0, packed.Count).Select(i =>
        {
            var batch = packed.Batch([i]);
            return $"{packed.Describe([i])}: {string.Join(',', batch.Ids)} {string.Join(',', batch.Labels)} "
                + $"{string.Join(',', batch.Positions)} {string.Join(',', batch.DocumentStarts)} {batch.RealTokens} {batch.TrainedTokens}";
        });
        return string.Join('\n', [
            packed.DataFingerprint, $"{prepared.Report with { FromCache = false, CacheNote = null, UnreadKeys = [] }}",
            .. prepared.Report.Warnings(), .. batches,
        ]);
    }
}
