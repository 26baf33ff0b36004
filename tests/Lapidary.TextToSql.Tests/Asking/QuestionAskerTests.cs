using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Engine;

namespace Lapidary.TextToSql.Tests.Asking;

public sealed class QuestionAskerTests : IDisposable
{
    private readonly DataFolder _folder = new();
    private readonly AskedData _data;

    public QuestionAskerTests() => _data = AskedData.Open([_folder.Database("a.db")], cancellationToken: Token);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _data.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task AnAnswer_HasTheQueryAndItsRows_AndIsSeenAsItIsWritten()
    {
        var writer = new FakeWriter("```sql\nSELECT name FROM pets WHERE weight > 1;\n```");
        var updates = new List<AskUpdate>();
        var answer = await new QuestionAsker(_data, writer, new()).AskAsync(" Which pets weigh more than 1? ", updates.Add, Token);
        Assert.Equal("SELECT name FROM pets WHERE weight > 1;", answer.Sql);
        Assert.Equal(["Rex", "Tom"], answer.Result!.Rows.Select(row => row[0]));
        Assert.Equal(["name"], answer.Result.Columns);
        Assert.Null(answer.Error);
        Assert.Single(answer.Attempts);
        Assert.Equal(new AskUpdate.Begins(1, 3), updates[0]);
        Assert.Equal("```sql\nSELECT name FROM pets WHERE weight > 1;\n```",
            string.Concat(updates.OfType<AskUpdate.Writes>().Select(update => update.Text)));
        Assert.Equal(new AskUpdate.Runs(answer.Sql), updates[^1]);

        // The guide's prompt, with the rows that show what values look like.
        string prompt = Assert.Single(Assert.Single(writer.Asked));
        Assert.Contains("<SCHEMA>\nCREATE TABLE pets (id INTEGER PRIMARY KEY, name TEXT, weight REAL); "
            + "INSERT INTO pets VALUES (1, 'Rex', 9.5), (2, 'Tom', 4.5), (3, 'Jerry', 0.1);\n</SCHEMA>", prompt, StringComparison.Ordinal);
        Assert.Contains("<USER_QUERY>\nWhich pets weigh more than 1?\n</USER_QUERY>", prompt, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFailedQuery_IsTriedAgainWithItsError()
    {
        var writer = new FakeWriter("SELECT MAX(SUM(id)) FROM pets", "SELECT COUNT() OVER x FROM pets", "SELECT name FROM pets");
        var updates = new List<AskUpdate>();
        var answer = await new QuestionAsker(_data, writer, new()).AskAsync("Name them.", updates.Add, Token);
        Assert.Equal(3, answer.Result!.RowCount);
        Assert.Equal(
            ["misuse of aggregate function SUM()", "no such window: x", null], answer.Attempts.Select(attempt => attempt.Error));
        Assert.Equal([false, false], updates.OfType<AskUpdate.Fails>().Select(update => update.IsLast));
        Assert.Equal(
            ["SELECT MAX(SUM(id)) FROM pets", "This query fails: misuse of aggregate function SUM()\nWrite the corrected SQL query."],
            writer.Asked[1][1..]);
        Assert.Equal(5, writer.Asked[2].Length);
        Assert.Equal([false, false, false], writer.Held);
    }

    /// <summary>The model does not see an error that its names explain: what it wrote would mislead it again.</summary>
    [Fact]
    public async Task AFailedQueryWithOtherNames_IsWrittenAgainHeldToTheSchemas()
    {
        var writer = new FakeWriter("SELECT nickname FROM pets", "SELECT MAX(SUM(id)) FROM pets", "SELECT name FROM pets");
        var answer = await new QuestionAsker(_data, writer, new()).AskAsync("Name them.", cancellationToken: Token);
        Assert.Equal(3, answer.Result!.RowCount);
        Assert.Equal([false, true, false], writer.Held);
        Assert.Equal(writer.Asked[0], writer.Asked[1]);
        Assert.Equal("SELECT MAX(SUM(id)) FROM pets", writer.Asked[2][1]);
    }

    [Fact]
    public async Task AQueryThatRuns_IsNotHeld()
    {
        var writer = new FakeWriter("-- json_each is a function that gives rows\nSELECT value FROM json_each('[1]')");
        var answer = await new QuestionAsker(_data, writer, new()).AskAsync("One?", cancellationToken: Token);
        Assert.Equal([1L], answer.Result!.Rows.Select(row => row[0]));
        Assert.Equal([false], writer.Held);
    }

    [Fact]
    public async Task Retries_AreCounted()
    {
        var writer = new FakeWriter("SELECT a", "SELECT b", "SELECT c", "SELECT d");
        var answer = await new QuestionAsker(_data, writer, new()).AskAsync("What?", cancellationToken: Token);
        Assert.Equal((null, 3), (answer.Result, answer.Attempts.Count));
        Assert.Equal("no such column: c", answer.Error);
        answer = await new QuestionAsker(_data, new FakeWriter("SELECT a"), new()).AskAsync("What?", cancellationToken: Token);
        Assert.Equal(["no such column: a", "The model wrote the same query again. no such column: a"],
            answer.Attempts.Select(attempt => attempt.Error));
        answer = await new QuestionAsker(_data, new FakeWriter("SELECT a", "SELECT 1"), new() { MaxRetries = 0 })
            .AskAsync("What?", cancellationToken: Token);
        Assert.Equal("no such column: a", answer.Error);
    }

    /// <summary>A refusal to write must not become another query that nobody asked for.</summary>
    [Fact]
    public async Task AnAnswerThatWrites_IsNotTriedAgain()
    {
        var writer = new FakeWriter("DELETE FROM pets", "SELECT name FROM pets");
        var answer = await new QuestionAsker(_data, writer, new()).AskAsync("Delete all pets.", cancellationToken: Token);
        Assert.Contains("only queries run", answer.Error, StringComparison.Ordinal);
        Assert.Single(writer.Asked);
    }

    [Fact]
    public async Task BadInput_IsRefused()
    {
        var asker = new QuestionAsker(_data, new FakeWriter("SELECT 1"), new());
        await Assert.ThrowsAsync<LapidaryException>(() => asker.AskAsync("  ", cancellationToken: Token));
        Assert.Throws<LapidaryException>(() => new QuestionAsker(_data, new FakeWriter(), new() { MaxNewTokens = 0 }));
        Assert.Throws<LapidaryException>(
            () => new QuestionAsker(_data, new FakeWriter(), new() { Limits = new() { TimeLimit = TimeSpan.Zero } }));
    }

    /// <summary>A real engine: an untrained model writes noise, which is asked for again and ends in one line.</summary>
    [Fact]
    public async Task AModel_IsAsked()
    {
        string folder = _folder["model"];
        TinyGemma.Write(folder);
        using var backend = new CpuBackend(1);
        using var model = GemmaModel.Load(folder, backend, new ModelOptions { Quantization = QuantizationKind.None });
        using var engine = new GenerationEngine(model, 1);
        var asker = new QuestionAsker(_data, engine, Tokenizer.Load(folder), ChatTemplate.Load(folder), new() { MaxNewTokens = 8 });
        var updates = new List<AskUpdate>();
        var answer = await asker.AskAsync("How many pets are there?", updates.Add, Token);
        Assert.NotNull(answer.Error);
        Assert.InRange(answer.Attempts.Count, 1, 3);
        Assert.Equal(answer.Attempts.Count, updates.OfType<AskUpdate.Begins>().Count());
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asker.AskAsync("How many?", cancellationToken: stop.Token));
    }
}
