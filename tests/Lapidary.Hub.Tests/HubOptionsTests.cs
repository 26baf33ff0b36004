using Lapidary.Formats;

namespace Lapidary.Hub.Tests;

public sealed class HubOptionsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Folders_AreThoseOfPython()
    {
        string user = _folder.Root;
        Assert.Equal(_folder.At(".cache/huggingface/hub"), Of().CacheFolder);
        Assert.Equal(_folder.At(".cache/huggingface/token"), Of().TokenFile);
        Assert.Equal("/x/huggingface/hub", Of(("XDG_CACHE_HOME", "/x")).CacheFolder);
        Assert.Equal("/h/hub", Of(("HF_HOME", "/h"), ("XDG_CACHE_HOME", "/x")).CacheFolder);
        Assert.Equal("/old", Of(("HF_HOME", "/h"), ("HUGGINGFACE_HUB_CACHE", "/old")).CacheFolder);
        Assert.Equal("/new", Of(("HF_HUB_CACHE", "/new"), ("HUGGINGFACE_HUB_CACHE", "/old")).CacheFolder);
        Assert.Equal(Path.Combine(user, "hf"), Of(("HF_HOME", "~/hf")).HomeFolder);
        Assert.Equal("/scratch/me/hf", Of(("HF_HOME", "$SCRATCH/${USER}/hf"), ("SCRATCH", "/scratch"), ("USER", "me")).HomeFolder);
        Assert.Equal("/t", Of(("HF_TOKEN_PATH", "/t")).TokenFile);
    }

    [Fact]
    public void Tokens_HaveAnOrder()
    {
        Directory.CreateDirectory(_folder.At(".cache/huggingface"));
        Assert.Null(Of().Token);
        File.WriteAllText(_folder.At(".cache/huggingface/token"), "hf_file\n");
        Assert.Equal(("hf_file", _folder.At(".cache/huggingface/token")), (Of().Token!.Value, Of().Token!.Source));
        Assert.Equal("hf_old", Of(("HUGGING_FACE_HUB_TOKEN", "hf_old")).Token!.Value);
        var token = Of(("HUGGING_FACE_HUB_TOKEN", "hf_old"), ("HF_TOKEN", " hf_new\r\n")).Token!;
        Assert.Equal(("hf_new", "HF_TOKEN"), (token.Value, token.Source));
        Assert.Null(Of(("HF_TOKEN", "hf_new"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")).Token);
    }

    [Theory]
    [InlineData("1", true)]
    [InlineData("on", true)]
    [InlineData("Yes", true)]
    [InlineData("TRUE", true)]
    [InlineData("0", false)]
    [InlineData("", false)]
    public void Offline_IsTrueOrFalse(string value, bool expected)
    {
        Assert.Equal(expected, Of(("HF_HUB_OFFLINE", value)).IsOffline);
        Assert.Equal(expected, Of(("TRANSFORMERS_OFFLINE", value)).IsOffline);
    }

    [Fact]
    public void Endpoints_AndTimes_AreRead()
    {
        Assert.Equal("https://huggingface.co/", Of().Endpoint.AbsoluteUri);
        Assert.Equal("http://mirror:81/hf", Of(("HF_ENDPOINT", "http://mirror:81/hf//")).Endpoint.AbsoluteUri);
        Assert.Equal(TimeSpan.FromSeconds(2.5), Of(("HF_HUB_ETAG_TIMEOUT", "2.5")).MetadataTimeout);
        Assert.Equal(TimeSpan.FromSeconds(60), Of(("HF_HUB_DOWNLOAD_TIMEOUT", "60")).TransferTimeout);
        Assert.True(Of(("HF_HUB_DISABLE_SYMLINKS", "1")).IsWithoutLinks);
    }

    [Theory]
    [InlineData("HF_HUB_OFFLINE", "perhaps")]
    [InlineData("HF_HUB_ETAG_TIMEOUT", "-1")]
    [InlineData("HF_HUB_DOWNLOAD_TIMEOUT", "soon")]
    [InlineData("HF_ENDPOINT", "huggingface.co")]
    [InlineData("HF_ENDPOINT", "ftp://huggingface.co")]
    [InlineData("HF_ENDPOINT", "https://me:secret@huggingface.co")]
    [InlineData("HF_TOKEN", "hf_sec ret")]
    [InlineData("HF_TOKEN", "hf_secrét")]
    public void OtherValues_AreOneLine_ThatNamesTheVariable(string name, string value)
    {
        string message = Assert.Throws<LapidaryException>(() => Of((name, value))).Message;
        Assert.StartsWith(name + ": expected ", message);
        Assert.DoesNotContain('\n', message);
        Assert.DoesNotContain("sec", message);
    }

    [Fact]
    public void Tokens_AreShownNowhere() => Assert.DoesNotContain("hf_secret", $"{Of(("HF_TOKEN", "hf_secret"))}");

    private HubOptions Of(params (string Name, string Value)[] variables) => HubOptions.FromVariables(
        name => variables.FirstOrDefault(variable => variable.Name == name).Value, _folder.Root);
}
