using Lapidary.Hub.Auth;
using Lapidary.Hub.Tests.Upload;
using Lapidary.TestHub;

namespace Lapidary.Hub.Tests.Auth;

public sealed class LoginTests : UploadTest
{
    private string TokenFile => Path.Combine(Home, "token");

    private string StoredFile => Path.Combine(Home, "stored_tokens");

    [Fact]
    public async Task ABadTokenOfAVariable_IsToBeUnset()
    {
        using var client = new HubClient(Options with { Token = new HubToken(HubTokens.Bad, "HF_TOKEN") });
        var error = await Assert.ThrowsAsync<HubException>(() => client.WhoAmIAsync(Cancellation));
        Assert.Contains("unset", error.Message);
    }

    [Fact]
    public async Task AGoodToken_IsSavedAsPythonSavesIt()
    {
        Options = Options with { Token = null };
        var user = await HubLogin.LoginAsync(Options, new HubToken(HubTokens.Write + "\r\n", "standard input"), Cancellation);
        Assert.Equal(("ada", "ada-write", "write"), (user.Name, user.TokenName, user.Role));
        Assert.Equal(["acme"], user.Organizations);
        Assert.Equal(HubTokens.Write, File.ReadAllText(TokenFile));
        Assert.Equal($"[ada-write]\nhf_token = {HubTokens.Write}\n\n", File.ReadAllText(StoredFile));
        Assert.Empty(Notes);
        if (!OperatingSystem.IsWindows())
        {
            const UnixFileMode OwnersAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            Assert.Equal(OwnersAlone, File.GetUnixFileMode(TokenFile));
            Assert.Equal(OwnersAlone, File.GetUnixFileMode(StoredFile));
            Assert.Equal(OwnersAlone | UnixFileMode.UserExecute, File.GetUnixFileMode(Home));
        }

        await HubLogin.LoginAsync(Options, new HubToken(HubTokens.Read, "standard input"), Cancellation);
        Assert.Equal(HubTokens.Read, File.ReadAllText(TokenFile));
        Assert.Equal(
            $"[ada-read]\nhf_token = {HubTokens.Read}\n\n[ada-write]\nhf_token = {HubTokens.Write}\n\n", File.ReadAllText(StoredFile));
        Assert.Equal(2, Count("GET", "whoami-v2"));

        Assert.True(HubLogin.Logout(Options));
        Assert.False(File.Exists(TokenFile));
        Assert.Equal($"[ada-write]\nhf_token = {HubTokens.Write}\n\n", File.ReadAllText(StoredFile));
        Assert.False(HubLogin.Logout(Options));
    }

    [Theory]
    [InlineData(HubTokens.Bad)]
    [InlineData(" ")]
    [InlineData("hf_two words")]
    public async Task ABadToken_IsNotSaved(string token)
    {
        var error = await Assert.ThrowsAsync<HubException>(
            () => HubLogin.LoginAsync(Options, new HubToken(token, "standard input"), Cancellation));
        Assert.Equal(HubError.Token, error.Error);
        Assert.Contains("token", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("two words", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(HubTokens.Mark, error.ToString(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Home));
    }

    [Fact]
    public async Task ATokenOfTheEnvironment_GoesFirst_AndThatIsSaid()
    {
        await HubLogin.LoginAsync(Options, new HubToken(HubTokens.FineGrained, "standard input"), Cancellation);
        Assert.Contains("HF_TOKEN", Assert.Single(Notes), StringComparison.Ordinal);
        Notes.Clear();
        Assert.True(HubLogin.Logout(Options));
        Assert.Contains("HF_TOKEN", Assert.Single(Notes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhoAmI_NeedsAToken()
    {
        using var client = new HubClient(Options with { Token = null });
        var error = await Assert.ThrowsAsync<HubException>(() => client.WhoAmIAsync(Cancellation));
        Assert.Contains("login", error.Message, StringComparison.Ordinal);
        Assert.Empty(Server.Requests);
        using var fine = new HubClient(Options with { Token = new HubToken(HubTokens.FineGrained, "HF_TOKEN") });
        Assert.Equal("fineGrained", (await fine.WhoAmIAsync(Cancellation)).Role);
    }

    [Fact]
    public void WhatPythonStored_Stays()
    {
        const string Text = "# mine\n[oauth-ada]\nhf_token = hf_oauth_1%2\nrefresh_token = r\nexpires_at = 1790000000\n\n"
            + "[B]\nHF_TOKEN: hf_b\n";
        var tokens = StoredTokens.Parse(Text);
        tokens.Set("Ann]\n", "hf_a");
        Assert.Equal(
            "[Ann]\nhf_token = hf_a\n\n[B]\nhf_token = hf_b\n\n[oauth-ada]\nhf_token = hf_oauth_1%2\nrefresh_token = r\n"
            + "expires_at = 1790000000\n\n", tokens.ToText());
        Assert.True(tokens.Remove("hf_b"));
        Assert.False(tokens.Remove("hf_b"));
    }
}
