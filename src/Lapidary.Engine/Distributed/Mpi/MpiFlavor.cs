namespace Lapidary.Engine.Distributed.Mpi;

/// <summary>The kinds of MPI libraries, by the type of their handles. The launcher decides which one a rank needs.</summary>
internal enum MpiFlavor
{
    /// <summary>Open MPI 4 and 5: a handle is the address of an exported symbol.</summary>
    OpenMpi,

    /// <summary>MPICH and those that share its binary interface (Intel MPI, MVAPICH): a handle is a 32-bit number.</summary>
    Mpich,

    /// <summary>The binary interface of MPI 5, which any library may have: a handle is a number of a pointer's size.</summary>
    Standard,
}
