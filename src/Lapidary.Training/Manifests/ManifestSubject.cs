using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Training.Manifests;

/// <summary>The subject of a manifest: a run that is set up.</summary>
/// <param name="Model">The base.</param>
/// <param name="Weights">What to train.</param>
/// <param name="Config">Options.</param>
/// <param name="Train">Rows to train on.</param>
/// <param name="Evaluation">Rows to evaluate on, or null.</param>
/// <param name="Communicator">Of the ranks.</param>
/// <param name="Memory">The planned use of memory.</param>
/// <param name="DataSets">Names of the data sets, used if the settings name none.</param>
internal sealed record ManifestSubject(
    GemmaModel Model, TrainedWeights Weights, SftConfig Config, PackedDataSet Train, PackedDataSet? Evaluation, ICommunicator Communicator,
    IReadOnlyList<string> DataSets, MemoryPlan Memory);
