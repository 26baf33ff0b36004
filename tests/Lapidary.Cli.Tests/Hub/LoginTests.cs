namespace Lapidary.Cli.Tests.Hub;

public class LoginTests
{
    private const string Token = "hf_SecretSecretSecretSecret";

    [Theory]
    [InlineData("login", "--token", Token)]
    [InlineData("login", "--token=" + Token)]
    [InlineData("login", Token)]
    [InlineData("login", "--tokn=" + Token)]
    [InlineData("whoami", "--token", Token)]
    [InlineData("download", "a/b", "--token", Token)]
    public void ATokenOnTheCommandLine_IsRefusedAndNotRepeated(params string[] args)
    {
        var run = CliRun.Of(args);
        Assert.DoesNotContain("Secret", run.Error + run.Out, StringComparison.Ordinal);
        if (args[0] == "login") run.AssertError(1, "a token on the command line is refused", "nothing was saved", "standard input");
        else run.AssertError(2);
    }

    [Theory]
    [InlineData("", "found none")]
    [InlineData("\n", "found none")]
    [InlineData("hf_a hf_b", "several words")]
    public void NoToken_IsRefused(string input, string words) =>
        CliRun.Of(input, TestContext.Current.CancellationToken, "login").AssertError(1, words, "/settings/tokens");
}
