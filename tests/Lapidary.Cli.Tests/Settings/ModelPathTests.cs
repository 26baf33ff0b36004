using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;

namespace Lapidary.Cli.Tests.Settings;

public sealed class ModelPathTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string? _home = Environment.GetEnvironmentVariable("HF_HOME");

    public ModelPathTests() => Environment.SetEnvironmentVariable("HF_HOME", _folder.Path);

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("HF_HOME", _home);
        _folder.Dispose();
    }

    [Fact]
    public void Find_TakesAnIdFromTheCache()
    {
        string model = _folder["hub/models--google--gemma-3-1b-pt"], commit = new('a', 40);
        Directory.CreateDirectory(Path.Combine(model, "snapshots", "older"));
        Directory.CreateDirectory(Path.Combine(model, "snapshots", commit));
        Directory.CreateDirectory(Path.Combine(model, "refs"));
        File.WriteAllText(Path.Combine(model, "refs", "main"), commit);
        Assert.Equal(Path.Combine(model, "snapshots", commit), ModelPath.Find("google/gemma-3-1b-pt"));
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("google/../x")]
    [InlineData("./x")]
    [InlineData("x")]
    public void Find_OfNoId_SaysThatThereIsNoFolder(string name)
    {
        var error = Assert.Throws<ToolException>(() => ModelPath.Find(name));
        Assert.Contains("expected a model folder", error.Message, StringComparison.Ordinal);
    }
}
