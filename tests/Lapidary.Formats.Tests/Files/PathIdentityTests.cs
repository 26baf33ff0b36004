using Lapidary.Formats.Files;
using Lapidary.Tests;

namespace Lapidary.Formats.Tests;

public class PathIdentityTests
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    [Theory]
    [InlineData("m", "m/")]
    [InlineData("m", "./m/.")]
    [InlineData("m", "new/../m")]
    [InlineData("m", "other/../m")]
    [InlineData("m", "link")]
    [InlineData("m", "link/")]
    [InlineData("m", "chain")]
    [InlineData("m/inner/new", "link/inner/new")]
    [InlineData("m/new/newer", "to-inner/../new/newer")]
    [InlineData("m/inner", "to-inner")]
    [InlineData("new", "dangling")]
    public void IsSame_FollowsLinksAndDots(string a, string b)
    {
        Make();
        Assert.True(PathIdentity.IsSame(Path.Combine(_folder, a), Path.Combine(_folder, b)));
        Assert.False(PathIdentity.IsSame(Path.Combine(_folder, "other"), Path.Combine(_folder, b)));
    }

    [Theory]
    [InlineData("m", "M")]
    [InlineData("m", "m2")]
    [InlineData("m", "to-inner/../../other")]
    [InlineData("m", "loop")]
    public void IsSame_TellsOthersApart(string a, string b)
    {
        if (b == "M" && (OperatingSystem.IsWindows() || OperatingSystem.IsMacOS())) Assert.Skip("Case is ignored on this system.");
        Make();
        Assert.False(PathIdentity.IsSame(Path.Combine(_folder, a), Path.Combine(_folder, b)));
    }

    [Fact]
    public void IsSame_TellsNamesApart_ThatDifferInCaseAlone()
    {
        Make();
        Directory.CreateDirectory(Path.Combine(_folder, "LINK2"));
        if (Directory.Exists(Path.Combine(_folder, "link2"))) Assert.Skip("Case is ignored on this file system.");
        Directory.CreateDirectory(Path.Combine(_folder, "link2"));
        Assert.False(PathIdentity.IsSame(Path.Combine(_folder, "link2"), Path.Combine(_folder, "LINK2")));
    }

    [Fact]
    public void IsSame_IgnoresCaseWhereTheFileSystemDoes()
    {
        Make();
        if (!Directory.Exists(Path.Combine(_folder, "M"))) Assert.Skip("Case matters on this file system.");
        Assert.True(PathIdentity.IsSame(Path.Combine(_folder, "m"), Path.Combine(_folder, "M")));
    }

    [Theory]
    [InlineData("m/inner", "link", true)]
    [InlineData("link/new", "m", true)]
    [InlineData("m", "m", true)]
    [InlineData("m2", "m", false)]
    [InlineData("m", "m/inner", false)]
    [InlineData("m/inner", "/", true)]
    public void IsInside_FollowsLinks(string path, string folder, bool expected)
    {
        Make();
        Assert.Equal(expected, PathIdentity.IsInside(Path.Combine(_folder, path), Path.Combine(_folder, folder)));
    }

    private void Make()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "m", "inner"));
        Directory.CreateDirectory(Path.Combine(_folder, "other"));
        Directory.CreateDirectory(Path.Combine(_folder, "m2"));
        Directory.CreateSymbolicLink(Path.Combine(_folder, "link"), "m");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "chain"), Path.Combine(_folder, "link"));
        Directory.CreateSymbolicLink(Path.Combine(_folder, "to-inner"), "chain/inner");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "dangling"), "new");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "loop"), "loop");
    }
}
