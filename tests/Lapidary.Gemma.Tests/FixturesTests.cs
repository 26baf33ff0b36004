using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

public class FixturesTests
{
    [Fact]
    public void Fixtures_AreThere() => Assert.True(File.Exists(Fixtures.Path("tiny/model/model.safetensors")));
}
