using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Lapidary.Cli.Tests.Asking;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Serving;

/// <summary>The page of serve for questions about data, and what it calls.</summary>
public sealed class AskPageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _pets;

    public AskPageTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no kill.");
        _pets = TinyModel.WriteLines(_folder.Path, "pets.csv", ["name,kind", "Rex,dog", "Tom,cat", "Jerry,mouse"]);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task ThePage_NeedsNoKey_ButItsCallsDo()
    {
        using var tool = Serve("--api-key-file", TinyModel.WriteLines(_folder.Path, "keys.txt", ["secret"]));
        using var client = ClientOf(tool);
        using var page = await client.GetAsync("/", Token);
        Assert.Equal("text/html", page.Content.Headers.ContentType!.MediaType);
        string policy = page.Headers.GetValues("Content-Security-Policy").Single();
        Assert.StartsWith("default-src 'none'; script-src 'sha256-", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        string html = await page.Content.ReadAsStringAsync(Token);
        Assert.DoesNotContain("http", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("pets", html, StringComparison.Ordinal);
        foreach (string path in (string[])["/ask/schema", "/ask", "/ask/query"])
        {
            using var refused = path == "/ask/schema" ? await client.GetAsync(path, Token)
                : await client.PostAsJsonAsync(path, new { question = "How many?", sql = "SELECT 1" }, Token);
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }

        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "secret");
        var schema = await client.GetFromJsonAsync<JsonElement>("/ask/schema", Token);
        Assert.Equal("CREATE TABLE pets (name TEXT, kind TEXT);", schema.GetProperty("statements")[0].GetString());
        End(tool);
    }

    [Fact]
    public async Task QuestionsAndQueries_AreAnswered_OfSeveralUsersAtOnce()
    {
        using var tool = Serve();
        using var client = ClientOf(tool);
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => AskAsync(client, "How many pets are there?")));
        Assert.All(answers, events =>
        {
            string[] types = [.. events.Select(e => e.GetProperty("type").GetString()!)];
            Assert.Equal(["begins", "text"], types[..2]);
            Assert.Equal(["sql", "answer"], types[^2..]);
            var pieces = events.Where(e => e.GetProperty("type").GetString() == "text").Select(e => e.GetProperty("text").GetString());
            Assert.Equal(TaughtModel.Sql, string.Concat(pieces));
            Assert.Equal("[[3]]", events[^1].GetProperty("rows").GetRawText());
            Assert.False(events[^1].GetProperty("cut").GetBoolean());
        });

        // A browser would round a large integer.
        const string Sql = "SELECT name, 9007199254740993, -5 FROM pets ORDER BY name LIMIT 1";
        using var rows = await client.PostAsJsonAsync("/ask/query", new { sql = Sql }, Token);
        var found = await rows.Content.ReadFromJsonAsync<JsonElement>(Token);
        Assert.Equal("""[["Jerry","9007199254740993",-5]]""", found.GetProperty("rows").GetRawText());
        End(tool);
    }

    [Fact]
    public async Task WhatMustNotBe_IsRefused()
    {
        using var tool = Serve();
        using var client = ClientOf(tool);
        Assert.Contains("only queries run", await FailAsync(400, "/ask/query", JsonContent.Create(new { sql = "DROP TABLE pets" })));
        Assert.Contains("no such column: nmae", await FailAsync(400, "/ask/query", JsonContent.Create(new { sql = "SELECT nmae" })));
        Assert.Contains("sql: expected a text", await FailAsync(400, "/ask/query", JsonContent.Create(new { sql = 1 })));
        Assert.Contains("question: expected a text", await FailAsync(400, "/ask", JsonContent.Create(new { question = " " })));
        var half = new StringContent("{\"sql\": \"SELECT '\\ud800'\"}", System.Text.Encoding.UTF8, "application/json");
        Assert.Contains("sql: expected a text", await FailAsync(400, "/ask/query", half));
        Assert.Contains(
            "expected at most 4000", await FailAsync(400, "/ask", JsonContent.Create(new { question = new string('x', 4001) })));
        // A page of another site can send this to a local server without asking.
        Assert.Contains("Content-Type", await FailAsync(400, "/ask/query", new StringContent("""{"sql": "SELECT 1"}""")));
        using var wrong = await client.GetAsync("/ask", Token);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, wrong.StatusCode);
        using var other = new HttpRequestMessage(HttpMethod.Get, "/ask/schema");
        other.Headers.Host = "evil.example";
        using var byOther = await client.SendAsync(other, Token);
        Assert.Equal(HttpStatusCode.Forbidden, byOther.StatusCode);
        End(tool);

        async Task<string> FailAsync(int status, string path, HttpContent content)
        {
            using var response = await client.PostAsync(path, content, Token);
            Assert.Equal(status, (int)response.StatusCode);
            var error = await response.Content.ReadFromJsonAsync<JsonElement>(Token);
            return error.GetProperty("error").GetProperty("message").GetString()!;
        }
    }

    /// <summary>Another program changes the database, and then deletes it.</summary>
    [Fact]
    public async Task ADatabaseThatChanges_IsSeen()
    {
        string file = _folder["pets.db"];
        Run("CREATE TABLE pets (name TEXT)");
        using var tool = Tool.Start(
            ["serve", .. TaughtModel.Options, "--port", "0", "--database", file]);
        using var client = ClientOf(tool);
        Run("ALTER TABLE pets ADD COLUMN kind TEXT");
        var schema = await client.GetFromJsonAsync<JsonElement>("/ask/schema", Token);
        Assert.Equal("CREATE TABLE pets (name TEXT, kind TEXT);", schema.GetProperty("statements")[0].GetString());
        File.Delete(file);
        string gone = $"{file}: was deleted or moved after it was opened; put it back, or start again with its new path.";
        Assert.Equal(gone, (await AskAsync(client, "How many pets are there?"))[^1].GetProperty("error").GetString());
        using var query = await client.PostAsJsonAsync("/ask/query", new { sql = "SELECT 1 FROM pets" }, Token);
        var error = await query.Content.ReadFromJsonAsync<JsonElement>(Token);
        Assert.Equal(gone, error.GetProperty("error").GetProperty("message").GetString());
        using var refused = await client.GetAsync("/ask/schema", Token);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        End(tool);

        void Run(string script)
        {
            using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={file};Pooling=False");
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = script;
            command.ExecuteNonQuery();
        }
    }

    /// <summary>tests/clients/browser/ask.mjs says what is checked: two users, hostile queries, one without end.</summary>
    [Fact]
    public async Task ABrowser_AsksEditsAndStops()
    {
        using var tool = Serve();
        await BrowserCheck.Run("ask.mjs", UrlOf(tool), TaughtModel.Sql);
        End(tool);
    }

    [Fact]
    public void DataThatCannotBeRead_IsOneLine() => CliRun.Of(
        ["serve", .. TaughtModel.Options, "--port", "0", "--database", _folder["gone.db"]]).AssertError(1, "gone.db: file not found");

    private Tool Serve(params string[] more) =>
        Tool.Start(["serve", .. TaughtModel.Options, "--port", "0", "--max-batch", "2", "--database", _pets, .. more]);

    private static string UrlOf(Tool tool)
    {
        tool.WaitFor(() => tool.Printed.Contains('\n', StringComparison.Ordinal));
        return JsonDocument.Parse(tool.Printed).RootElement.GetProperty("url").GetString()!;
    }

    private static HttpClient ClientOf(Tool tool) => new() { BaseAddress = new Uri(UrlOf(tool)) };

    private static async Task<JsonElement[]> AskAsync(HttpClient client, string question)
    {
        using var response = await client.PostAsJsonAsync("/ask", new { question }, Token);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        string text = await response.Content.ReadAsStringAsync(Token);
        return [.. text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(e => JsonElement.Parse(e["data: ".Length..]))];
    }

    private static void End(Tool tool)
    {
        tool.Send("TERM");
        Assert.Equal(0, tool.End().ExitCode);
    }
}
