using Lapidary.Engine.Distributed.Mpi;

namespace Lapidary.Engine.Tests.Distributed;

public sealed class MpiLibraryTests
{
    [Theory]
    [InlineData("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4, repo rev: v4.1.4, May 26, 2022\0", "Open MPI v4.1.4")]
    [InlineData("MPICH Version:\t4.0.2\nMPICH Release date:\tThu Apr  7 12:34:45 CDT 2022\n", "MPICH 4.0.2")]
    [InlineData("Intel(R) MPI Library 2021.10 for Linux* OS\n\0", "Intel(R) MPI Library 2021.10 for Linux* OS")]
    public void Version_IsOneShortLine(string text, string expected) => Assert.Equal(expected, MpiLibrary.ShortVersion(text));

    [Theory]
    [InlineData(MpiFlavor.OpenMpi, "libmpi.so.40", "openmpi-bin")]
    [InlineData(MpiFlavor.Mpich, "libmpich.so.12", "mpich")]
    [InlineData(MpiFlavor.Standard, "libmpi_abi.so.1", "MPI 5")]
    public void MissingLibrary_SaysWhatToInstall(object flavor, string library, string package)
    {
        string line = MpiLibrary.HowToInstall((MpiFlavor)flavor);
        Assert.Contains(library, line, StringComparison.Ordinal);
        Assert.Contains(package, line, StringComparison.Ordinal);
    }
}
