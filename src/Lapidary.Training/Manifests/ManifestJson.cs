using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Lapidary.Engine;
using Lapidary.Gemma.Cards;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Training.Manifests;

/// <summary>The parts of manifest.json.</summary>
internal static class ManifestJson
{
    /// <summary>Settings under their keys: numbers and booleans as such, repeated keys as lists.</summary>
    public static JsonObject Settings(IEnumerable<KeyValuePair<string, string>> settings)
    {
        var json = new JsonObject();
        foreach (var group in settings.GroupBy(pair => pair.Key, pair => pair.Value))
        {
            JsonNode[] values = [.. group.Select(Value)];
            json[group.Key] = values.Length == 1 ? values[0] : new JsonArray(values);
        }

        return json;
    }

    /// <summary>The program and its version.</summary>
    public static JsonObject Program() => new() { ["version"] = ProgramVersion.Number, ["commit"] = ProgramVersion.Commit };

    /// <summary>The base, and how much of it is trained.</summary>
    public static JsonObject Model(ManifestSubject run, string? commit)
    {
        var (model, weights) = (run.Model, run.Weights);
        return new JsonObject
        {
            ["name"] = model.Name,
            [RunManifest.CommitKey] = commit,
            ["layers"] = model.Config.NumHiddenLayers,
            ["hidden_size"] = model.Config.HiddenSize,
            ["vocab_size"] = model.Config.VocabSize,
            ["trained_values"] = weights.ParameterCount,
        };
    }

    /// <summary>Names and sizes of the data, without any row.</summary>
    public static JsonObject Data(ManifestSubject run) => new()
    {
        ["names"] = new JsonArray([.. run.DataSets.Select(name => (JsonNode)name)]),
        ["train"] = Rows(run.Train),
        ["evaluation"] = run.Evaluation is { } evaluation ? Rows(evaluation) : null,
    };

    /// <summary>The machine and devices of a session.</summary>
    public static JsonObject Place(ManifestSubject run)
    {
        var ranks = run.Communicator.Ranks;
        var json = new JsonObject
        {
            ["device"] = RunIdentity.DeviceOf(run.Model.Backend),
            ["ranks"] = ranks.WorldSize,
            ["host"] = Environment.MachineName,
            ["os"] = RuntimeInformation.OSDescription,
            ["architecture"] = RuntimeInformation.OSArchitecture.ToString(),
        };
        var libraries = new JsonObject { ["dotnet"] = RuntimeInformation.FrameworkDescription };
        if (run.Model.Backend is CudaBackend)
        {
            foreach (var found in CudaLibraries.Find().Where(found => found.Library != CudaLibrary.Nccl))
                libraries[Name(found.Library)] = found.Version.ToString();
        }

        if (ranks.WorldSize > 1) libraries["exchange"] = run.Communicator.Description;
        json["libraries"] = libraries;
        return json;
    }

    /// <summary>The planned memory: all bytes, those that were available, and the bytes of each owner.</summary>
    public static JsonObject Memory(MemoryPlan plan)
    {
        var owners = new JsonObject();
        foreach (var owner in plan.Predicted.Owners) owners[owner.ToString()] = plan.Predicted[owner];
        return new JsonObject
        {
            ["bytes"] = plan.Predicted.TotalBytes,
            ["available_bytes"] = plan.BudgetBytes,
            ["owners"] = owners,
        };
    }

    /// <summary>Hashes, each with its method.</summary>
    public static JsonObject Hashes(IEnumerable<(string Key, string Value, string Method)> hashes)
    {
        var json = new JsonObject();
        foreach (var (key, value, method) in hashes) json[key] = new JsonObject { [RunManifest.HashKey] = value, ["method"] = method };
        return json;
    }

    /// <summary>The results of the run so far.</summary>
    public static JsonObject Results(TrainerState state)
    {
        var summary = new RunSummary(state);
        string chosenBy = state.Config.EvalMetric;
        var json = new JsonObject
        {
            ["global_step"] = state.GlobalStep,
            ["max_steps"] = state.MaxSteps,
            ["epoch"] = Finite(state.Epoch),
            ["tokens"] = state.NumTokens,
            ["train_loss"] = Finite(summary.MeanLoss),
            ["last_loss"] = Finite(summary.LastLoss),
            ["eval_loss"] = Finite(summary.Evaluation?.EvalLoss),
            ["eval_token_accuracy"] = Finite(summary.Evaluation?.EvalMeanTokenAccuracy),
            [$"best_eval_{chosenBy}"] = Finite(state.BestMetric),
            ["best_checkpoint"] = state.BestModelCheckpoint,
            [RunManifest.LoadedStepKey] = summary.BestStep,
        };
        if (state.LossScale is var (exponent, _, repeatedSteps))
            (json["loss_scale_exponent"], json["repeated_steps"]) = (exponent, repeatedSteps);
        if (summary.Evaluation is not { EvalMetric: { } metric } measured) return json;
        json[RunManifest.MetricKey] = metric;
        if (summary.Before is { } before) json[$"eval_{metric}_before"] = Finite(before);
        json[$"eval_{metric}"] = Finite(measured.EvalMetricValue);
        return json;
    }

    /// <summary>A number, or null if JSON cannot represent it.</summary>
    public static JsonNode? Finite(double? value) => value is { } number && double.IsFinite(number) ? number : null;

    private static JsonObject Rows(PackedDataSet data)
    {
        var sequences = data.Sequences;
        var counts = sequences.Set.Counts;
        long tokens = 0, trained = 0;
        foreach (int count in sequences.Tokens) tokens += count;
        foreach (int count in sequences.Trained) trained += count;
        return new JsonObject
        {
            ["rows"] = sequences.Set.Count,
            ["sequences"] = data.Count,
            ["tokens"] = tokens,
            ["trained_tokens"] = trained,
            ["truncated_rows"] = counts.TruncatedRows,
            ["truncated_tokens"] = counts.TruncatedTokens,
            ["dropped_rows"] = counts.DroppedRows,
            ["longest_row"] = counts.Longest,
        };
    }

    private static JsonNode Value(string text) => text switch
    {
        "true" => true,
        "false" => false,
        _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole)
            && whole.ToString(CultureInfo.InvariantCulture) == text => whole,
        _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            && number.ToString(CultureInfo.InvariantCulture) == text => JsonNode.Parse(text)!, // as it is written: 2E-05
        _ => text,
    };

    private static string Name(CudaLibrary library) => library switch
    {
        CudaLibrary.Driver => "cuda_driver",
        CudaLibrary.Nvrtc => "nvrtc",
        _ => "cublaslt",
    };
}
