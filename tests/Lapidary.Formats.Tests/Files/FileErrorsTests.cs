using Lapidary.Formats.Files;

namespace Lapidary.Formats.Tests;

public class FileErrorsTests
{
    [Fact]
    public void ADeniedPermission_IsOfTheFileSystem_AndNamed()
    {
        var denied = new UnauthorizedAccessException("Access to the path is denied.");
        Assert.True(FileErrors.IsFileSystem(denied));
        Assert.False(FileErrors.IsFileSystem(new InvalidOperationException()));
        Assert.Equal(
            "a: no permission to write here; check the folder's permissions or choose another folder.",
            FileErrors.Writing("a", denied).Message);
        Assert.Equal(
            "a: no permission to read it, or it is a folder; check the path and its permissions.", FileErrors.Reading("a", denied).Message);
    }
}
