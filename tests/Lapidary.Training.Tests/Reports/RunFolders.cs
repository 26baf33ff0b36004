using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lapidary.Tests;

namespace Lapidary.Training.Tests.Reports;

/// <summary>Folders as runs leave them, written by hand.</summary>
internal sealed class RunFolders : IDisposable
{
    private const string Manifest = """
        {"manifest_version": 1, "state": "finished", "model": {"name": "tiny-gemma", "trained_values": 4321},
         "data": {"names": ["../train.jsonl"],
                  "train": {"rows": 300, "sequences": 200, "tokens": 10000, "trained_tokens": 2500, "truncated_rows": 30,
                            "truncated_tokens": 777, "dropped_rows": 3, "longest_row": 512}},
         "settings": SETTINGS,
         "sessions": [{"started": "2026-01-02T03:04:05Z", "ended": "2026-01-02T03:05:05Z", "state": "finished", "first_step": 0,
                       "last_step": STEPS, "device": "CPU, 2 threads", "ranks": 1, "host": "box", "tokens": 6000, "seconds": 60.0,
                       "peak_bytes": 3145728,
                       "planned_memory": {"bytes": 4194304, "available_bytes": 1073741824,
                                          "owners": {"Base": 3145728, "Inputs": 1048576}}}],
         "results": {"global_step": STEPS, "max_steps": STEPS, "loaded_step": null}}
        """;

    private readonly string _root = Fixtures.TemporaryFolder();

    public string this[string name] => Path.Combine(_root, name);

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>A finished run of some steps with all that a report shows.</summary>
    /// <param name="name">The folder.</param>
    /// <param name="steps">Logged steps; every tenth has an evaluation.</param>
    /// <param name="shift">Added to all values, so that curves of several runs do not lie on each other.</param>
    /// <param name="settings">Settings beside the usual ones.</param>
    /// <param name="answer">The model's answer after training.</param>
    public string Finished(
        string name, int steps = 30, double shift = 0, Dictionary<string, object>? settings = null, string answer = "SELECT 2;")
    {
        string folder = Directory.CreateDirectory(this[name]).FullName;
        WriteState(folder, steps, shift);
        var given = new Dictionary<string, object> { ["lora_r"] = 16, ["learning_rate"] = 0.0002, ["max_length"] = 512 };
        foreach (var (key, value) in settings ?? []) given[key] = value;
        Write(folder, "run.yaml", "run_file_version: 2\n");
        Write(folder, "manifest.json", Manifest
            .Replace("STEPS", $"{steps}", StringComparison.Ordinal)
            .Replace("SETTINGS", JsonSerializer.Serialize(given), StringComparison.Ordinal));
        Write(folder, "samples.jsonl", Sample(0, "Hello", right: false) + Sample(steps, answer, right: true));
        return folder;
    }

    /// <summary>A state in the form of transformers' Trainer.</summary>
    public static void WriteState(string folder, int steps, double shift = 0, int? notANumberAt = null)
    {
        var log = new JsonArray();
        for (int step = 0; step <= steps; step++)
        {
            if (step > 0)
            {
                log.Add(JsonNode.Parse(string.Create(CultureInfo.InvariantCulture, $$"""
                    {"step": {{step}}, "epoch": {{step / 10.0}}, "loss": {{3 + shift - (step * 0.05)}}, "grad_norm": {{1 + shift}},
                     "learning_rate": {{2e-4 * (1 + shift)}}, "tokens_per_second": {{1000 + (100 * shift) + step}}}
                    """)));
            }

            if (step % 10 != 0) continue;
            log.Add(JsonNode.Parse(string.Create(CultureInfo.InvariantCulture, $$"""
                {"step": {{step}}, "epoch": {{step / 10.0}}, "eval_loss": {{3.25 + shift - (step * 0.05)}},
                 "eval_mean_token_accuracy": {{0.5 + (shift / 10)}}, "eval_sql_execution": {{(step / 100.0) + (shift / 10)}}}
                """)));
        }

        if (notANumberAt is { } at) log.First(entry => (int)entry!["step"]! == at && entry["loss"] is not null)!["loss"] = "not finite";
        string text = string.Create(CultureInfo.InvariantCulture, $$"""
            {"global_step": {{steps}}, "max_steps": {{steps}}, "epoch": {{steps / 10.0}}, "log_history": {{log.ToJsonString()}}}
            """).Replace("\"not finite\"", "NaN", StringComparison.Ordinal);
        Directory.CreateDirectory(folder);
        Write(folder, TrainerState.FileName, text);
    }

    public static void Write(string folder, string name, string text) => File.WriteAllText(Path.Combine(folder, name), text);

    private static string Sample(int step, string answer, bool right) => JsonSerializer.Serialize(new JsonObject
    {
        ["step"] = step,
        ["samples"] = new JsonArray(new JsonObject
        {
            ["question"] = "How many users?",
            ["expected"] = "SELECT count(*) FROM users;",
            ["answer"] = answer,
            ["is_right"] = right,
        }),
    }) + "\n";
}
