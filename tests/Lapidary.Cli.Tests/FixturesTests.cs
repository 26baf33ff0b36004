using Lapidary.Tests;

namespace Lapidary.Cli.Tests;

public class FixturesTests
{
    [Fact]
    public void Fixtures_AreThere() => Assert.True(File.Exists(Fixtures.Path("tiny/model/model.safetensors")));
}
