using Lapidary.Formats.Files;

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
}
