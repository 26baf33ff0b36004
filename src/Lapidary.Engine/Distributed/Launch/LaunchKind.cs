namespace Lapidary.Engine.Distributed.Launch;

/// <summary>Who started the processes of a run; for MPI it also decides which library they use.</summary>
internal enum LaunchKind
{
    /// <summary>Nobody: this process is alone.</summary>
    Alone,

    /// <summary>Whoever sets RANK, WORLD_SIZE and LOCAL_RANK, as torchrun does.</summary>
    Torch,

    /// <summary>mpirun of Open MPI.</summary>
    OpenMpi,

    /// <summary>mpiexec of MPICH, Intel MPI or MVAPICH2.</summary>
    Mpich,

    /// <summary>srun.</summary>
    Slurm,

    /// <summary>Somebody who starts a process per machine, as the operators of Kubernetes do.</summary>
    Nodes,
}
