namespace Lapidary.Engine.Distributed.Launch;

/// <summary>The launcher of a run's processes. For MPI it also decides which library they use.</summary>
internal enum LaunchKind
{
    /// <summary>None: this process is alone.</summary>
    Alone,

    /// <summary>torchrun, or another launcher that sets RANK, WORLD_SIZE and LOCAL_RANK.</summary>
    Torch,

    /// <summary>mpirun of Open MPI.</summary>
    OpenMpi,

    /// <summary>mpiexec of MPICH, Intel MPI or MVAPICH2.</summary>
    Mpich,

    /// <summary>srun.</summary>
    Slurm,

    /// <summary>A launcher that starts one process for each machine, such as the operators of Kubernetes.</summary>
    Nodes,
}
