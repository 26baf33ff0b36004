using System.Text.Json;
using Lapidary.Cli.Output;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Commands;

public sealed class ChatTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static CliRun Chat(string input, params string[] more) => CliRun.Of(input, CancellationToken.None,
        ["chat", "--model", TinyModel.WithTokenizer, "--threads", "1", "--max-new-tokens", "4", .. more]);

    /// <summary>The answers alone, each with its line end; history counts.</summary>
    [Fact]
    public void APipe_GetsAnAnswerForEachLine()
    {
        var run = Chat("SELECT\n\nSELECT\n", "--json").Ok();
        var answers = run.Out.TrimEnd().Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal(2, answers.Length);
        Assert.All(answers, answer => Assert.Equal("SELECT", answer.GetProperty("prompt").GetString()));
        Assert.True(answers[1].GetProperty("prompt_tokens").GetInt32() > answers[0].GetProperty("prompt_tokens").GetInt32());
        Assert.Equal("length", answers[0].GetProperty("finish_reason").GetString());
        Assert.Equal(4, answers[0].GetProperty("output_tokens").GetInt32());

        var text = Chat("SELECT\n").Ok();
        Assert.DoesNotContain("> ", text.Out, StringComparison.Ordinal);
        Assert.Contains("cut after 4 tokens", text.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Commands_ChangeTheConversation()
    {
        int[] Tokens(string input, params string[] more) =>
        [
            .. Chat(input, [.. more, "--json"]).Ok().Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("prompt_tokens").GetInt32()),
        ];
        int first = Tokens("SELECT\n")[0];
        Assert.Equal([first, first], Tokens("SELECT\n/reset\nSELECT\n"));
        Assert.Equal([first, first], Tokens("SELECT\n/undo\nSELECT\n/exit\nSELECT\n"));
        int told = Tokens("SELECT\n", "--system", "Be short.")[0];
        Assert.True(told > first);
        Assert.Equal([told, first], Tokens("/system Be short.\nSELECT\n/reset\n/system -\nSELECT\n"));
        Assert.Single(Tokens("\"\"\"SELECT\na\n\"\"\"\n"));
        Assert.Single(Tokens("/etc/passwd, what is it?\n"));
    }

    [Fact]
    public void TheEndOfTheContext_IsSaidBeforeItIsReached()
    {
        string small = Variant.Of(TinyModel.WithTokenizer, json: config => config["max_position_embeddings"] = 60);
        string input = string.Concat(Enumerable.Repeat("SELECT a\n", 30));
        var run = CliRun.Of(input, CancellationToken.None, "chat", "--model", small, "--threads", "1", "--max-new-tokens", "2");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("is soon full", run.Error, StringComparison.Ordinal);
        Assert.Contains("lapidary: The conversation is full", run.Error, StringComparison.Ordinal);
        Assert.Contains("/reset", run.Error, StringComparison.Ordinal);
    }

    /// <summary>lapidary.json says how a model was trained.</summary>
    [Theory]
    [InlineData("{\"chat_template\": false}", true)]
    [InlineData("{\"chat_template\": true}", false)]
    [InlineData("{}", false)]
    public void AModelOfPlainText_IsNoted(string kind, bool isNoted)
    {
        string model = Variant.Of(TinyModel.WithTokenizer, json: _ => { });
        File.WriteAllText(Path.Combine(model, "lapidary.json"), kind);
        var run = CliRun.Of("a\n", CancellationToken.None, "chat", "--model", model, "--threads", "1", "--max-new-tokens", "2").Ok();
        Assert.Equal(isNoted, run.Error.Contains("was trained on plain text, without a chat template", StringComparison.Ordinal));
    }

    [Fact]
    public void AModelWithoutATokenizer_IsOneClearLine() =>
        CliRun.Of("", CancellationToken.None, "chat", "--model", TinyModel.Folder).AssertError(1, "tokenizer.json", "--tokenizer");

    /// <summary>Prompts and hints are on standard error, so that a file gets the answers alone.</summary>
    [Fact]
    public void SomebodyWhoSitsThere_GetsPromptsAndHints()
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var terminal = new Terminal(new StringReader("/help\n/rest\nSELECT\n/undo\n"), output, error) { Ask = (_, _) => "" };
        int code = LapidaryTool.Run(
            ["chat", "--model", TinyModel.WithTokenizer, "--threads", "1", "--max-new-tokens", "4"], terminal);
        Assert.Equal(0, code);
        string said = error.ToString();
        Assert.Contains("Ctrl-D ends the chat", said, StringComparison.Ordinal);
        Assert.Contains("> /reset", said, StringComparison.Ordinal);
        Assert.Contains("/rest: there is no such command; did you mean /reset?", said, StringComparison.Ordinal);
        Assert.Contains("are taken back", said, StringComparison.Ordinal);
        Assert.DoesNotContain("> ", output.ToString(), StringComparison.Ordinal);
    }

    /// <summary>The first Ctrl-C ends the answer, and the chat goes on; at the prompt the second one ends it.</summary>
    [Fact]
    public void CtrlC_IsForWhoCatchesIt_AndForNobodyElseAfterwards()
    {
        using var interruption = new Interruption();
        Assert.False(interruption.IsCaught(2));
        int caught = 0;
        using (interruption.Catch(() => ++caught == 1))
        {
            Assert.True(interruption.IsCaught(2));
            Assert.False(interruption.IsCaught(2));
            Assert.False(interruption.IsCaught(15));
        }

        Assert.False(interruption.IsCaught(2));
        Assert.Equal(2, caught);
    }
}
