
namespace Lapidary.Formats.Tests;

public class ShellTextTests
{
    [Theory]
    [InlineData("my-adapter/run.yaml", "my-adapter/run.yaml", "my-adapter/run.yaml")]
    [InlineData("", "''", "\"\"")]
    [InlineData("a b", "'a b'", "\"a b\"")]
    [InlineData("it's $HOME `x`", """'it'\''s $HOME `x`'""", "\"it's $HOME `x`\"")]
    [InlineData("""C:\m\x""", """'C:\m\x'""", """C:\m\x""")]
    [InlineData("say \"a\"", "'say \"a\"'", "\"say \\\"a\\\"\"")]
    public void Quote_IsReadBackAsTheWord(string word, string bash, string windows)
    {
        Assert.Equal(bash, ShellText.Quote(word, isWindows: false));
        Assert.Equal(windows, ShellText.Quote(word, isWindows: true));
    }
}
