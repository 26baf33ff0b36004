using Lapidary.Formats.Files;
using Lapidary.Tests;

namespace Lapidary.Formats.Tests.Files;

public class FolderMovesTests
{
    [Fact]
    public void Retry_TriesAgain_WhereARefusalMayPass()
    {
        int attempts = 0;
        FolderMoves.Retry(() => Fail(++attempts < 3), isPatient: true);
        Assert.Equal(3, attempts);

        attempts = 0;
        Assert.Throws<IOException>(() => FolderMoves.Retry(() => Fail(++attempts < 3), isPatient: false));
        Assert.Equal(1, attempts);

        static void Fail(bool fails)
        {
            if (fails) throw new IOException("held by a scanner");
        }
    }

    [Fact]
    public void Delete_OfWhatIsNotThere_IsDone()
    {
        string folder = Path.Combine(Fixtures.TemporaryFolder(), "a");
        FolderMoves.Delete(folder);
        Directory.CreateDirectory(Path.Combine(folder, "b"));
        FolderMoves.Delete(folder);
        Assert.False(Directory.Exists(folder));
    }
}
