namespace Lapidary.Cli.Tests.Commands;

public sealed class TokenizeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static int[] Ids(string line) =>
        [.. System.Text.Json.JsonDocument.Parse(line).RootElement.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];

    [Fact]
    public void Tokenize_AddsOneBos()
    {
        string[] tokenize = ["tokenize", "--model", TinyModel.WithTokenizer];
        int[] ids = Ids(CliRun.Of([.. tokenize, "--text", "SELECT stones"]).Ok().Out);
        Assert.Equal(2, ids[0]);
        Assert.Equal(ids, Ids(CliRun.Of([.. tokenize, "--text", "<bos>SELECT stones"]).Ok().Out));
        Assert.Equal(ids[1..], Ids(CliRun.Of([.. tokenize, "--text", "SELECT stones", "--add-special-tokens", "false"]).Ok().Out));
    }

    [Fact]
    public void Tokenize_OfAFile_HasALinePerRow()
    {
        string file = TinyModel.WriteLines(_folder.Path, "rows.jsonl", ["""{"text": "SELECT"}""", """{"text": "stones\u0007"}"""]);
        string[] lines = CliRun.Of("tokenize", "--tokenizer", TinyModel.WithTokenizer, "--file", file).Ok().Out.TrimEnd('\n').Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.Equal(Ids(CliRun.Of("tokenize", "--tokenizer", TinyModel.WithTokenizer, "--text", "SELECT").Ok().Out), Ids(lines[0]));
    }

    [Fact]
    public void Tokenize_OfMessages_UsesTheTemplate()
    {
        string file = TinyModel.WriteLines(_folder.Path, "rows.jsonl",
            ["""{"messages": [{"role": "user", "content": "stones"}, {"role": "assistant", "content": "two"}]}"""]);
        int[] ids = Ids(CliRun.Of("tokenize", "--model", TinyModel.WithTokenizer, "--file", file).Ok().Out);
        Assert.Equal((2, 5), (ids[0], ids[1]));
        Assert.Equal(1, ids.Count(id => id == 2));
        Assert.Equal(2, ids.Count(id => id == 6));
    }

    /// <summary>A text needs no chat template: that the folder has none to choose is an error of conversations alone.</summary>
    [Fact]
    public void Tokenize_OfAText_AsksForNoTemplate()
    {
        File.Copy(Path.Combine(TinyModel.WithTokenizer, "tokenizer.json"), _folder["tokenizer.json"]);
        File.WriteAllText(
            _folder["tokenizer_config.json"],
            """{"bos_token": "<bos>", "add_bos_token": true, "chat_template": [{"name": "rag", "template": "{{ bos_token }}R"}]}""");
        string[] tokenize = ["tokenize", "--tokenizer", _folder.Path];
        Assert.Equal(2, Ids(CliRun.Of([.. tokenize, "--text", "SELECT stones"]).Ok().Out)[0]);
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl", ["""{"messages": [{"role": "user", "content": "stones"}]}"""]);
        CliRun.Of([.. tokenize, "--file", rows]).AssertError(1, "rag");
    }
}
