using Lapidary.Formats;
using Lapidary.Hub;
using Lapidary.TestHub;
using Lapidary.Tests;
using Lapidary.Training.Data.Sources;
using Lapidary.Training.Tests.Data;
using Parquet.Serialization;

namespace Lapidary.Training.Tests.Sources;

/// <summary>Data sets by their ids, from a stand-in of the Hub.</summary>
public sealed class HubDataTests : IAsyncLifetime
{
    private const string Gretel = "gretelai/synthetic_text_to_sql";

    private readonly string _folder = Fixtures.TemporaryFolder();
    private HubServer _server = null!;

    private HubOptions Options => HubSetup.Options(_server.ApiUrl, _folder);

    public async ValueTask InitializeAsync() =>
        _server = await HubServer.StartAsync(HubServerOptions.ForLapidary, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Load_FetchesCardAndSplit_AndWorksOffline()
    {
        byte[] train = await Table(12, "train"), test = await Table(3, "test");
        _server.AddRepository(Gretel, HubRepoKind.Dataset).AddFiles(
            ("README.md", "---\nlicense: apache-2.0\nsize_categories: [100K<n<1M]\n---\n# Synthetic\n"),
            ("synthetic_text_to_sql_train.snappy.parquet", train), ("synthetic_text_to_sql_test.snappy.parquet", test), ("notes.txt", "x"));
        var options = new DataSetOptions { Template = RowTemplate.TextToSql };
        using var client = new HubClient(Options);
        var data = DataSet.Load(Gretel, options, split: "train", client: client);
        Assert.Equal(12, data.Count);
        Assert.EndsWith("assistant: SELECT 0 -- train", RowText.Of(data)[0], StringComparison.Ordinal);
        Assert.Equal(["README.md", "synthetic_text_to_sql_train.snappy.parquet"], Fetched());

        // What is there is neither fetched nor asked for again, but for the commit of main.
        _server.ClearLog();
        Assert.Equal(5, DataSet.Load($"{Gretel}:train[:5]", options, client: client).Count);
        Assert.Empty(Fetched());
        Assert.Empty(_server.Violations);

        _server.RefusesAll = true;
        using var offline = new HubClient(Options with { IsOffline = true });
        Assert.Equal(12, DataSet.Load(Gretel, options, client: offline).Count);
        string message = Assert.Throws<HubException>(() => DataSet.Load(Gretel, options, split: "test", client: offline)).Message;
        Assert.Contains("offline", message, StringComparison.Ordinal);
        Assert.Contains("synthetic_text_to_sql_test.snappy.parquet", message, StringComparison.Ordinal);
        Assert.Contains("offline", Error(() => DataSet.Load("org/other", client: offline)), StringComparison.Ordinal);
        Assert.Empty(_server.Violations);
    }

    [Fact]
    public void Load_StaysAtACommit()
    {
        var repo = _server.AddRepository("org/rows", HubRepoKind.Dataset);
        string first = repo.AddFiles(("README.md", "# Rows"), ("rows.jsonl", Row("1"))).Oid;
        using var client = new HubClient(Options);
        var source = DataSource.Find("org/rows:train[:1]", new HubAccess(client));
        repo.AddFiles(("rows.jsonl", Row("2")));
        Assert.Equal(["1"], Rows(source));
        Assert.Equal($"org/rows@{first}:train[:1]", source.Recorded);
        Assert.Equal($"org/rows@{first[..7]}: train[:1] 1 file", source.Describe([]));
        Assert.Equal(["2"], RowText.Of(DataSet.Load("org/rows", client: client)));
        Assert.Equal(["1"], Rows(DataSource.Find(source.Recorded, new HubAccess(client))));

        // A commit does not change: nothing is asked for.
        _server.RefusesAll = true;
        _server.ClearLog();
        Assert.Equal(["1"], Rows(DataSource.Find(source.Recorded, new HubAccess(client))));
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public void Load_GoesByConfigs_AndFetchesValidationOnlyIfAsked()
    {
        _server.AddRepository("org/many", HubRepoKind.Dataset).AddFiles(
            ("README.md", "---\nconfigs:\n- config_name: a\n  data_files:\n  - {split: train, path: 'a/t*'}\n"
                + "  - {split: validation, path: a/v.csv}\n"
                + "- config_name: b\n  data_dir: b\n---\n"),
            ("a/t1.csv", "text\n1\n"), ("a/t2.csv", "text\n2\n"), ("a/v.csv", "text\nv\n"), ("b/rows.csv.gz", Packed("text\n3\n")),
            ("a/other.csv", "text\nx\n"));
        using var client = new HubClient(Options);
        Assert.Contains(
            "found a, b; name one with dataset_config", Error(() => DataSet.Load("org/many", client: client)), StringComparison.Ordinal);
        Assert.Contains(
            "found train, validation", Error(() => DataSet.Load("org/many:test", config: "a", client: client)), StringComparison.Ordinal);
        Assert.Equal(["1", "2"], RowText.Of(DataSet.Load("org/many", config: "a", client: client)));
        Assert.Equal(["README.md", "a/t1.csv", "a/t2.csv"], Fetched());
        Assert.Equal(["v"], RowText.Of(DataSet.LoadSplits("org/many", config: "a", client: client).Validation!));
        Assert.Equal(["3"], RowText.Of(DataSet.Load("org/many", config: "b", client: client)));
        Assert.Equal(["README.md", "a/t1.csv", "a/t2.csv", "a/v.csv", "b/rows.csv.gz"], Fetched());
    }

    [Fact]
    public void Load_SaysWhatIsWrong()
    {
        _server.AddRepository("org/program", HubRepoKind.Dataset).AddFiles(("program.py", "x = 1"), ("rows.jsonl", Row("1")));
        _server.AddRepository("org/empty", HubRepoKind.Dataset).AddFiles(("README.md", "# none"));
        _server.AddRepository("org/hidden", HubRepoKind.Dataset, repo => repo.IsPrivate = true).AddFiles(("rows.jsonl", Row("1")));
        _server.AddRepository("org/card", HubRepoKind.Dataset).AddFiles(("README.md", "---\nconfigs: [a\n---\n"), ("rows.jsonl", Row("1")));
        using var client = new HubClient(Options);
        Assert.Contains(
            "program.py makes; programs are not run", Error(() => DataSet.Load("org/program", client: client)), StringComparison.Ordinal);
        Assert.Contains("org/empty: expected .jsonl", Error(() => DataSet.Load("org/empty", client: client)), StringComparison.Ordinal);
        Assert.Contains(
            "org/card/README.md: expected YAML", Error(() => DataSet.Load("org/card", client: client)), StringComparison.Ordinal);
        foreach (string id in new[] { "org/hidden", "org/none" })
        {
            string message = Error(() => DataSet.Load(id, client: client));
            Assert.Contains($"no file or folder \"{id}\"", message, StringComparison.Ordinal);
            Assert.Contains("private", message, StringComparison.Ordinal);
        }

        Assert.Contains("\"gone\"", Error(() => DataSet.Load("org/empty@gone", client: client)), StringComparison.Ordinal);
    }

    [Fact]
    public void Load_TakesTheListedTrainSplitOnly()
    {
        _server.AddRepository("org/sft", HubRepoKind.Dataset).AddFiles(
            ("data/train_sft-00000-of-00001.jsonl", Row("1")), ("data/test_sft-00000-of-00001.jsonl", Row("2")));
        using var client = new HubClient(Options);
        string message = Error(() => DataSet.Load("org/sft", client: client));
        Assert.Contains("expected a split \"train\", found test_sft, train_sft", message, StringComparison.Ordinal);
        Assert.Empty(Fetched());
        Assert.Equal(["1"], RowText.Of(DataSet.Load("org/sft:train_sft", client: client)));
    }

    private static string[] Rows(DataSource source) => RowText.Of(DataSet.Load(source.FetchRows(), new(), out _));

    private static string Error(Action load) => Assert.ThrowsAny<LapidaryException>(load).Message;

    private static string Row(string text) => $$"""{"text":"{{text}}"}""" + "\n";

    private static byte[] Packed(string text)
    {
        using var packed = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(packed, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(System.Text.Encoding.UTF8.GetBytes(text));
        return packed.ToArray();
    }

    /// <summary>Names of the files that were asked for.</summary>
    private string[] Fetched() =>
    [
        .. _server.Requests.Where(request => request.Path.Contains("/resolve/", StringComparison.Ordinal))
            .Select(request => request.Path[(request.Path.IndexOf("/resolve/", StringComparison.Ordinal) + 9)..])
            .Select(path => path[(path.IndexOf('/', StringComparison.Ordinal) + 1)..]).Distinct().Order(StringComparer.Ordinal),
    ];

    /// <summary>A table with the columns of the guide's data set.</summary>
    private static async Task<byte[]> Table(int rows, string split)
    {
        using var stream = new MemoryStream();
        await ParquetSerializer.SerializeAsync(
            Enumerable.Range(0, rows).Select(i => new Gretels
            {
                id = i,
                sql_prompt = $"What is {i}?",
                sql_context = "CREATE TABLE t (a INT);",
                sql = $"SELECT {i} -- {split}",
            }),
            stream, cancellationToken: TestContext.Current.CancellationToken);
        return stream.ToArray();
    }

#pragma warning disable IDE1006 // The columns' names.
    private sealed class Gretels
    {
        public int id { get; set; }

        public string domain { get; set; } = "retail";

        public string sql_complexity { get; set; } = "basic SQL";

        public string sql_prompt { get; set; } = "";

        public string sql_context { get; set; } = "";

        public string sql { get; set; } = "";

        public string sql_explanation { get; set; } = "It selects.";
    }
#pragma warning restore IDE1006
}
