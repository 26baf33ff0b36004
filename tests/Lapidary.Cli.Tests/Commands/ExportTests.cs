namespace Lapidary.Cli.Tests.Commands;

public sealed class ExportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ExportGguf_WritesAFileAndAModelfile()
    {
        string file = _folder["model.gguf"], modelfile = _folder["Modelfile"];
        string[] command = ["export", "gguf", "--model", TinyModel.WithTokenizer, "--output", file];

        var json = CliRun.Of([.. command, "--type", "q8_0", "--modelfile", modelfile, "--json"]).Ok().Json;
        Assert.Equal(new FileInfo(file).Length, json.GetProperty("bytes").GetInt64());
        Assert.Equal(1024, json.GetProperty("tokens").GetInt32());
        Assert.StartsWith("FROM ./model.gguf\n", File.ReadAllText(modelfile));

        CliRun.Of(command).AssertError(1, "is there already", "--overwrite");
        CliRun.Of([.. command, "--overwrite", "--type", "q5_k_m"]).AssertError(2, "--type", "q8_0 or q4_0", "q5_k_m");
        Assert.Contains("1024 tokens", CliRun.Of([.. command, "--overwrite"]).Ok().Out);
        CliRun.Of("export").AssertError(2, "gguf");
        File.WriteAllText(_folder["adapter_config.json"], "{}");
        CliRun.Of("export", "gguf", "--model", _folder.Path, "--output", file).AssertError(1, "found an adapter", "lapidary merge");
    }
}
