using Lapidary.Engine.Distributed.Nccl;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Distributed;

public class NcclSettingsTests : IDisposable
{
    private readonly string _root = Fixtures.TemporaryFolder();
    private readonly Dictionary<string, string> _environment = [];

    [Theory]
    [InlineData(1, "Ring")]
    [InlineData(8, "Ring")]
    [InlineData(9, "^NVLS,NVLSTree")]
    public void Additions_MakeSumsRepeatable(int hosts, string algorithm) => Assert.Equal(
        [("NCCL_ALGO", algorithm), ("NCCL_TUNER_PLUGIN", "none")], Settings().Additions(hosts));

    [Fact]
    public void Additions_LeaveWhatTheUserHasSet()
    {
        _environment["NCCL_ALGO"] = "Tree";
        Assert.Equal([("NCCL_TUNER_PLUGIN", "none")], Settings().Additions(1));
        _environment["NCCL_TUNER_PLUGIN"] = "";
        Assert.Empty(Settings().Additions(1));
    }

    [Fact]
    public void Additions_LeaveWhatNcclsFilesSet()
    {
        Put("etc/nccl.conf", "# NCCL_TUNER_PLUGIN=mine\nNCCL_ALGO=Tree\n");
        Assert.Equal([("NCCL_TUNER_PLUGIN", "none")], Settings().Additions(1));
        Put("home/.nccl.conf", "NCCL_ALGO=CollnetChain\r\nNCCL_TUNER_PLUGIN=libtuner.so\n");
        _environment["HOME"] = Path.Combine(_root, "home");
        Assert.Empty(Settings().Additions(1));
        Assert.Equal("CollnetChain", Settings().UsersValue("NCCL_ALGO")!.TrimEnd());
        _environment["NCCL_CONF_FILE"] = Put("other.conf", "NCCL_ALGO=Ring\n");
        Assert.Equal("Ring", Settings().UsersValue("NCCL_ALGO"));
        Assert.Equal([("NCCL_TUNER_PLUGIN", "none")], Settings().Additions(1));
    }

    [Fact]
    public void Additions_NeverTouchNvls() =>
        Assert.DoesNotContain(Settings().Additions(100), setting => setting.Name.Contains("NVLS", StringComparison.Ordinal));

    public void Dispose()
    {
        Directory.Delete(_root, recursive: true);
        GC.SuppressFinalize(this);
    }

    private NcclSettings Settings() => new(_environment.GetValueOrDefault, _root);

    private string Put(string file, string text)
    {
        string path = Path.Combine(_root, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }
}
