using Lapidary.Formats;

namespace Lapidary.TextToSql.Tests.Asking;

/// <summary>What of a schema a model sees where its context is short; a token is a character here.</summary>
public sealed class PromptSchemaTests : IDisposable
{
    private readonly DataFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task RowsAreLeftOutFirst()
    {
        string file = _folder.Database("a.db");
        var (whole, _) = await Ask(file, 2000, "How many pets?");
        Assert.Contains("INSERT INTO pets", whole, StringComparison.Ordinal);
        var (asked, answer) = await Ask(file, whole.Length * 4 / 3 - 4, "How many pets?"); // a quarter is for the answer
        Assert.DoesNotContain("INSERT", asked, StringComparison.Ordinal);
        Assert.Contains("CREATE TABLE pets", asked, StringComparison.Ordinal);
        Assert.Empty(answer.Notes);
    }

    [Fact]
    public async Task TablesThatTheQuestionNames_AreKept()
    {
        var tables = Enumerable.Range(1, 30).Select(i => $"CREATE TABLE thing{i} (id INTEGER, label{i} TEXT, amount{i} REAL);");
        string file = _folder.Database("many.db", string.Join(' ', tables) + " CREATE TABLE Customers (id INTEGER, CityName TEXT);");
        var (asked, answer) = await Ask(file, 1000, "In which city does each customer live?");
        Assert.Contains("CREATE TABLE Customers", asked, StringComparison.Ordinal);
        Assert.DoesNotContain("thing30", asked, StringComparison.Ordinal);
        string note = Assert.Single(answer.Notes);
        Assert.Matches(@"^the schema needs \d+ tokens of 750: the model sees \d+ of 31 tables: Customers, thing1, ", note);
    }

    [Fact]
    public async Task OfAWideTable_ColumnsThatTheQuestionNames_AreKept()
    {
        string columns = string.Join(", ", Enumerable.Range(1, 500).Select(i => $"measure_{i} REAL"));
        string file = _folder.Database("wide.db", $"CREATE TABLE wide ({columns}, wind_speed REAL, id INTEGER PRIMARY KEY);");
        var (asked, answer) = await Ask(file, 1000, "What is the highest wind speed?");
        Assert.Contains("wind_speed REAL, id INTEGER PRIMARY KEY);", asked, StringComparison.Ordinal);
        Assert.Contains("CREATE TABLE wide (measure_1 REAL, ", asked, StringComparison.Ordinal);
        Assert.Matches(@"the model sees \d+ of 502 columns of wide\.$", Assert.Single(answer.Notes));
        await Assert.ThrowsAsync<LapidaryException>(() => Ask(file, 300, "What is the highest wind speed?"));
        var (_, all) = await Ask(file, 1_000_000, "What is the highest wind speed?", "SELECT * FROM wide");
        Assert.Equal(502, all.Result!.Columns.Count);
    }

    [Fact]
    public async Task WithoutRoomForAnError_ThereIsNoRetry()
    {
        string columns = string.Join(", ", Enumerable.Range(1, 500).Select(i => $"measure_{i} REAL"));
        string file = _folder.Database("wide.db", $"CREATE TABLE wide ({columns});");
        string failing = $"SELECT {string.Join(", ", Enumerable.Range(0, 200).Select(i => $"x{i}"))} FROM wide";
        var (_, answer) = await Ask(file, 1000, "What?", failing);
        Assert.Single(answer.Attempts);
        Assert.Equal("The model's context has no room for the error, so it did not try again.", answer.Notes[^1]);
    }

    private static async Task<(string Prompt, AskAnswer Answer)> Ask(string file, int context, string question, string sql = "SELECT 1")
    {
        using var data = AskedData.Open([file], cancellationToken: Token);
        var writer = new FakeWriter(sql) { Context = context };
        var answer = await new QuestionAsker(data, writer, new()).AskAsync(question, cancellationToken: Token);
        return (writer.Asked[0][0], answer);
    }
}
