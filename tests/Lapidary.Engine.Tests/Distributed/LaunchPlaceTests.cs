using Lapidary.Engine.Distributed.Launch;
using Lapidary.Formats;

namespace Lapidary.Engine.Tests.Distributed;

/// <summary>What each launcher sets, as its own sources or a trial say, and what becomes of it.</summary>
public class LaunchPlaceTests
{
    private const string Torchrun = "RANK=5 WORLD_SIZE=8 LOCAL_RANK=1 LOCAL_WORLD_SIZE=4 GROUP_RANK=1 MASTER_ADDR=node-a MASTER_PORT=29400 "
        + "TORCHELASTIC_RUN_ID=none TORCHELASTIC_RESTART_COUNT=0 TORCHELASTIC_USE_AGENT_STORE=";

    private const string OpenMpi = "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_LOCAL_RANK=1 "
        + "OMPI_COMM_WORLD_LOCAL_SIZE=2 OMPI_COMM_WORLD_NODE_RANK=3";

    private const string Hydra = "PMI_RANK=2 PMI_SIZE=3 MPI_LOCALRANKID=0 MPI_LOCALNRANKS=1";

    private const string Slurm = "SLURM_PROCID=6 SLURM_NTASKS=7 SLURM_STEP_NUM_TASKS=7 SLURM_LOCALID=0 SLURM_NODEID=3 "
        + "SLURM_STEP_TASKS_PER_NODE=2(x3),1 SLURM_STEP_NODELIST=gpu[03-05,7] SLURM_JOB_NODELIST=login,gpu[03-05,7] "
        + "SLURM_JOB_ID=1234567 SLURM_STEP_ID=2";

    private const string PyTorchJob = "RANK=1 WORLD_SIZE=16 PET_NPROC_PER_NODE=8 PET_NODE_RANK=1 PET_NNODES=2 MASTER_ADDR=job-master-0 "
        + "MASTER_PORT=23456";

    private const string Trainer =
        "PET_NODE_RANK=1 PET_NNODES=2 PET_NPROC_PER_NODE=auto PET_MASTER_ADDR=job-node-0-0.job PET_MASTER_PORT=29500";

    /// <summary>Processes are "process/processes local/local", then address:port.</summary>
    [Theory]
    [InlineData(Torchrun + "False", "torchrun", "5/8 1/4 node-a:29400")]
    [InlineData(Torchrun + "True", "torchrun", "5/8 1/4 node-a:29401")]
    [InlineData("RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=[::1] MASTER_PORT=1", "RANK and WORLD_SIZE", "0/2 0/ [::1]:1")]
    [InlineData("RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 LOCAL_WORLD_SIZE=2", "RANK and WORLD_SIZE", "0/2 0/2 :29500")]
    [InlineData("RANK=3 WORLD_SIZE=4 LOCAL_RANK=1 NODE_RANK=1 MASTER_ADDR=10.0.0.4 MASTER_PORT=6105 AZUREML_RUN_ID=x", "Azure ML",
        "3/4 1/ 10.0.0.4:6105")]
    [InlineData(OpenMpi, "mpirun (Open MPI)", "1/4 1/2 :")]
    [InlineData(OpenMpi + " MASTER_ADDR=node-a", "mpirun (Open MPI)", "1/4 1/2 node-a:29500")]
    [InlineData(OpenMpi + " MASTER_ADDR=::1 MASTER_PORT=1234", "mpirun (Open MPI)", "1/4 1/2 ::1:1234")]
    [InlineData(OpenMpi + " AZ_BATCH_MASTER_NODE=10.0.0.4:6000", "mpirun (Open MPI)", "1/4 1/2 10.0.0.4:6000")]
    [InlineData(OpenMpi + " AZ_BATCHAI_MPI_MASTER_NODE=10.0.0.4", "mpirun (Open MPI)", "1/4 1/2 10.0.0.4:29500")]
    [InlineData(Hydra, "mpiexec (MPICH)", "2/3 0/1 :")]
    [InlineData("MV2_COMM_WORLD_RANK=1 MV2_COMM_WORLD_SIZE=2 MV2_COMM_WORLD_LOCAL_RANK=1 MV2_COMM_WORLD_LOCAL_SIZE=2", "mpirun (MVAPICH2)",
        "1/2 1/2 :")]
    [InlineData(Slurm, "srun (Slurm)", "6/7 0/1 gpu03:19569")]
    [InlineData(Slurm + " MASTER_ADDR=gpu03-ib MASTER_PORT=12345", "srun (Slurm)", "6/7 0/1 gpu03-ib:12345")]
    [InlineData(PyTorchJob, "Kubeflow PyTorchJob", "1/2 0/1 job-master-0:23456")]
    [InlineData(Trainer, "Kubeflow Trainer", "1/2 0/1 job-node-0-0.job:29500")]
    [InlineData("JOB_COMPLETION_INDEX=1 JOBSET_NAME=js PET_NNODES=2 MASTER_ADDR=js-w-0-0.js", "a JobSet", "1/2 0/1 js-w-0-0.js:29500")]
    [InlineData("JOB_COMPLETION_INDEX=1 WORLD_SIZE=2 MASTER_ADDR=job-0.svc", "an indexed Job", "1/2 0/1 job-0.svc:29500")]
    [InlineData("SM_HOSTS=[\"algo-1\",\"algo-2\"] SM_CURRENT_HOST=algo-2 SM_NUM_GPUS=8", "SageMaker", "1/2 0/1 algo-1:29500")]
    [InlineData("RANK=1 WORLD_SIZE=2 NPROC_PER_NODE=8 MASTER_ADDR=dlc-0 MASTER_PORT=23456", "RANK and WORLD_SIZE, which count machines",
        "1/2 0/1 dlc-0:23456")]
    public void Launchers_AreUnderstood(string variables, string launcher, string expected)
    {
        var place = Find(variables);
        Assert.Equal(launcher, place.Launcher);
        Assert.Null(place.Note);
        string processes = $"{place.Process}/{place.Processes}";
        Assert.Equal(expected, $"{processes} {place.LocalProcess}/{place.LocalProcesses} {place.Address}:{place.Port}");
    }

    [Theory]
    [InlineData(PyTorchJob, 8)]
    [InlineData("RANK=0 WORLD_SIZE=2 PET_NNODES=2 PET_NPROC_PER_NODE=1 MASTER_ADDR=a", 1)]
    [InlineData("RANK=1 WORLD_SIZE=2 NPROC_PER_NODE=4 MASTER_ADDR=a", 4)]
    [InlineData(Trainer, null)]
    [InlineData("RANK=0 WORLD_SIZE=2 PET_NNODES=2:2 MASTER_ADDR=a", null)]
    public void RankWithoutLocalRank_IsAMachines(string variables, int? ranks)
    {
        var place = Find(variables);
        Assert.True(place.IsPerNode);
        Assert.Equal((2, ranks), (place.Processes, place.RanksPerProcess));
        Assert.Equal((place.Process * 4) + 3, place.RankOf(device: 3, devices: 4));
    }

    [Theory]
    [InlineData(Torchrun + " " + OpenMpi + " " + Slurm, LaunchKind.Torch)]
    [InlineData(OpenMpi + " " + Slurm + " " + PyTorchJob, LaunchKind.OpenMpi)]
    [InlineData(OpenMpi + " RANK=1", LaunchKind.OpenMpi)]
    [InlineData(Hydra + " " + Slurm, LaunchKind.Mpich)]
    [InlineData("PMI_RANK=6 PMI_SIZE=7 " + Slurm, LaunchKind.Slurm)] // srun's own PMI
    [InlineData("PMI_RANK=6 " + Slurm, LaunchKind.Slurm)]
    [InlineData(Slurm + " WORLD_SIZE=7", LaunchKind.Slurm)]
    [InlineData(PyTorchJob + " JOB_COMPLETION_INDEX=0", LaunchKind.Nodes)]
    [InlineData("", LaunchKind.Alone)]
    [InlineData("RANK= WORLD_SIZE=", LaunchKind.Alone)]
    [InlineData("JOB_COMPLETION_INDEX=3", LaunchKind.Alone)] // pods that have nothing to do with each other
    [InlineData("MASTER_ADDR=node-a MASTER_PORT=29500", LaunchKind.Alone)]
    [InlineData("WORLD_SIZE=1", LaunchKind.Alone)]
    [InlineData(Torchrun + " LAPIDARY_LAUNCH=none", LaunchKind.Alone)]
    [InlineData("RANK=x LAPIDARY_LAUNCH=none", LaunchKind.Alone)]
    internal void Precedence_GoesFromProcessToMachine(string variables, LaunchKind expected) =>
        Assert.Equal(expected, Find(variables).Kind);

    [Theory]
    [InlineData("SLURM_NTASKS=8 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_JOB_ID=7 SLURM_JOB_NODELIST=a,b", "use srun")]
    [InlineData("SLURM_NTASKS=1 SLURM_PROCID=0", null)]
    public void BatchScriptWithoutSrun_IsAlone_AndSaysSo(string variables, string? note)
    {
        var place = Find(variables);
        Assert.Equal((null, 1), (place.Launcher, place.Processes));
        if (note is null) Assert.Null(place.Note);
        else Assert.Contains(note, place.Note);
    }

    [Theory]
    [InlineData("RANK=0", "RANK is set, but WORLD_SIZE is not")]
    [InlineData("WORLD_SIZE=2", "WORLD_SIZE is set, but RANK is not")]
    [InlineData("RANK=2 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=a", "RANK is 2 and WORLD_SIZE is 2: expected RANK from 0 to 1")]
    [InlineData("RANK=-1 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=a", "RANK is '-1': expected a whole number from 0 on")]
    [InlineData("RANK=0 WORLD_SIZE=0 LOCAL_RANK=0 MASTER_ADDR=a", "WORLD_SIZE is '0': expected a whole number from 1 on")]
    [InlineData("RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 LOCAL_WORLD_SIZE=1", "RANK is set, but MASTER_ADDR is not")]
    [InlineData("RANK=0 WORLD_SIZE=4 LOCAL_RANK=2 LOCAL_WORLD_SIZE=2 MASTER_ADDR=a", "LOCAL_RANK is 2, but this machine has 2 processes")]
    [InlineData("RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 LOCAL_WORLD_SIZE=4 MASTER_ADDR=a", "this machine has 4 processes, but all have 2")]
    [InlineData("RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=a MASTER_PORT=70000", "MASTER_PORT is 70000")]
    [InlineData("OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_RANK is set, but OMPI_COMM_WORLD_SIZE is not")]
    [InlineData("PMI_SIZE=2", "PMI_SIZE is set, but PMI_RANK is not")]
    [InlineData("SLURM_STEP_NUM_TASKS=2", "SLURM_STEP_NUM_TASKS is set, but SLURM_PROCID is not")]
    [InlineData("PET_NNODES=2", "PET_NNODES is set, but PET_NODE_RANK is not")]
    [InlineData("PET_NODE_RANK=0", "PET_NODE_RANK is set, but PET_NNODES is not")]
    [InlineData("PET_NODE_RANK=0 PET_NNODES=1:4 PET_MASTER_ADDR=a", "PET_NNODES is '1:4'")]
    [InlineData("PET_NODE_RANK=2 PET_NNODES=2 PET_MASTER_ADDR=a", "PET_NODE_RANK is 2 and PET_NNODES is 2")]
    [InlineData("PET_NODE_RANK=0 PET_NNODES=2", "PET_NODE_RANK is set, but MASTER_ADDR is not")]
    [InlineData("RANK=1 WORLD_SIZE=2 PET_NODE_RANK=0 PET_NNODES=2 MASTER_ADDR=a", "RANK is 1 and PET_NODE_RANK is 0")]
    [InlineData("RANK=1 WORLD_SIZE=6 PET_NODE_RANK=1 PET_NNODES=2 PET_NPROC_PER_NODE=8 MASTER_ADDR=a", "WORLD_SIZE is 6, PET_NNODES 2")]
    [InlineData("JOB_COMPLETION_INDEX=0 MASTER_ADDR=a", "MASTER_ADDR is set, but PET_NNODES")]
    [InlineData("SM_HOSTS=[\"a\"]", "SM_HOSTS is set, but SM_CURRENT_HOST is not")]
    [InlineData("SM_HOSTS=a,b SM_CURRENT_HOST=a", "expected a JSON array of names")]
    [InlineData("SM_HOSTS=[1] SM_CURRENT_HOST=a", "expected a JSON array of names")]
    [InlineData("SM_HOSTS=[\"a\"] SM_CURRENT_HOST=b", "which SM_HOSTS does not name")]
    [InlineData("LAPIDARY_LAUNCH=torchrun", "LAPIDARY_LAUNCH is 'torchrun'")]
    public void HalfSetAndContradictory_AreNamedInOneLine(string variables, string expected)
    {
        var error = Assert.Throws<LapidaryException>(() => Find(variables));
        Assert.Contains(expected, error.Message);
        Assert.Contains("LAPIDARY_LAUNCH", error.Message);
    }

    [Theory]
    [InlineData("gpu[03-05,7],c1", "gpu03 gpu04 gpu05 gpu7 c1")]
    [InlineData("c1", "c1")]
    [InlineData("rack[1-2]n[09-10]", "rack1n09 rack1n10 rack2n09 rack2n10")]
    [InlineData("a[1-2]-ib,b", "a1-ib a2-ib b")]
    [InlineData("a[1", "a[1")]
    [InlineData("", "")]
    public void NodeLists_AreExpanded(string list, string expected) => Assert.Equal(expected, string.Join(' ', SlurmLists.Nodes(list)));

    [Theory]
    [InlineData("2(x3),1", 0, 2)]
    [InlineData("2(x3),1", 2, 2)]
    [InlineData("2(x3),1", 3, 1)]
    [InlineData("2(x3),1", 4, null)]
    [InlineData("8", 0, 8)]
    [InlineData("what", 0, null)]
    public void TasksPerNode_AreCounted(string list, int node, int? expected) => Assert.Equal(expected, SlurmLists.TasksOfNode(list, node));

    [Fact]
    public void Line_NamesLauncherAndPlace()
    {
        Assert.Equal("ranks from mpirun (Open MPI): rank 1 of 4", Find(OpenMpi).ToString());
        Assert.Equal("ranks from Kubeflow Trainer: node 1 of 2", Find(Trainer).ToString());
        Assert.Equal("one process", Find("").ToString());
    }

    [Fact]
    public void Device_IsTheLocalRank_OrTheOnlyOne()
    {
        var place = Find(OpenMpi);
        Assert.Equal(1, place.DeviceIndex(visible: 2));
        Assert.Equal(0, place.DeviceIndex(visible: 1)); // srun --gpus-per-task shows each its own
        var error = Assert.Throws<LapidaryException>(() => Find(Torchrun.Replace("LOCAL_RANK=1", "LOCAL_RANK=3")).DeviceIndex(visible: 2));
        Assert.Contains("torchrun", error.Message);
    }

    [Fact]
    public void Runs_AreToldApart()
    {
        Assert.Equal("1234567.2", Find(Slurm).Run);
        Assert.Equal("none", Find(Torchrun).Run);
    }

    private static LaunchPlace Find(string variables)
    {
        var values = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(entry => entry.Split('=', 2))
            .GroupBy(entry => entry[0]).ToDictionary(entries => entries.Key, entries => entries.Last()[1]);
        return LaunchPlace.Find(values.GetValueOrDefault);
    }
}
