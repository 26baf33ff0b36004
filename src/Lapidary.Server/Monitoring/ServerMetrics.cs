using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Lapidary.Server.Monitoring;

/// <summary>The server's figures, and their text for Prometheus. The format is a few lines of text, so no library writes it.</summary>
internal sealed class ServerMetrics
{
    /// <summary>The type of <see cref="Write"/>'s text.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly ConcurrentDictionary<string, ModelMetrics> _models = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Path, int Status), long> _requests = new();

    /// <summary>The figures of a model.</summary>
    public ModelMetrics Of(string model) => _models.GetOrAdd(model, _ => new ModelMetrics());

    /// <summary>Counts a request.</summary>
    /// <param name="path">A path that the server knows, or "other".</param>
    /// <param name="status">The HTTP status; 499 if the caller left.</param>
    public void Count(string path, int status) => _requests.AddOrUpdate((path, status), 1, (_, count) => count + 1);

    /// <summary>All figures as text.</summary>
    /// <param name="engines">What the models' engines do.</param>
    public string Write(IEnumerable<EngineFigures> engines)
    {
        var text = new StringBuilder();
        Head("lapidary_http_requests_total", "counter", "Requests by path and status; 499 if the caller left.");
        var requests = _requests.OrderBy(entry => entry.Key.Path, StringComparer.Ordinal).ThenBy(entry => entry.Key.Status);
        foreach (var ((path, status), count) in requests)
            text.Append(CultureInfo.InvariantCulture, $"lapidary_http_requests_total{{path=\"{path}\",status=\"{status}\"}} {count}\n");
        var now = engines.ToList();
        Of("lapidary_num_requests_running", "gauge", "Answers that are generated now.", engine => engine.Running);
        Of("lapidary_num_requests_waiting", "gauge", "Answers that wait for their turn.", engine => engine.Waiting);
        Counter("lapidary_prompt_tokens_total", "Tokens of prompts.", model => model.PromptTokens);
        Counter("lapidary_prompt_tokens_cached_total", "Tokens of prompts that needed no computation.", model => model.CachedTokens);
        Counter("lapidary_generation_tokens_total", "Tokens of answers.", model => model.GeneratedTokens);
        Of("lapidary_spec_decode_num_draft_tokens_total", "counter", "Guessed tokens that were checked.", engine => engine.Guessed);
        Of("lapidary_spec_decode_num_accepted_tokens_total", "counter", "Guessed tokens that were right.", engine => engine.Accepted);
        Head("lapidary_request_success_total", "counter", "Answers by the reason of their end.");
        foreach (var (name, model) in Sorted())
        {
            foreach (var (reason, count) in model.Finished.OrderBy(entry => entry.Key, StringComparer.Ordinal))
                Line("lapidary_request_success_total", $"{Label(name)},finished_reason=\"{reason}\"", count);
        }

        Times("lapidary_time_to_first_token_seconds", "From a request to its first token.", model => model.FirstToken);
        Times("lapidary_time_per_output_token_seconds", "A token after the first, mean of a request.", model => model.PerToken);
        Times("lapidary_e2e_request_latency_seconds", "A whole request.", model => model.Whole);
        Head("lapidary_process_resident_memory_bytes", "gauge", "Memory of the process.");
        text.Append(CultureInfo.InvariantCulture, $"lapidary_process_resident_memory_bytes {Environment.WorkingSet}\n");
        return text.ToString();

        void Head(string name, string type, string help) => text.Append($"# HELP {name} {help}\n# TYPE {name} {type}\n");

        void Line(string name, string labels, double value) =>
            text.Append(CultureInfo.InvariantCulture, $"{name}{{{labels}}} {value}\n");

        void Of(string name, string type, string help, Func<EngineFigures, double> value)
        {
            Head(name, type, help);
            foreach (var engine in now) Line(name, Label(engine.Model), value(engine));
        }

        void Counter(string name, string help, Func<ModelMetrics, long> value)
        {
            Head(name, "counter", help);
            foreach (var (model, metrics) in Sorted()) Line(name, Label(model), value(metrics));
        }

        void Times(string name, string help, Func<ModelMetrics, Histogram> histogram)
        {
            Head(name, "histogram", help);
            foreach (var (model, metrics) in Sorted())
            {
                var (buckets, count, sum) = histogram(metrics).Read();
                foreach (var (bound, below) in buckets)
                    Line(name + "_bucket", string.Create(CultureInfo.InvariantCulture, $"{Label(model)},le=\"{bound}\""), below);
                Line(name + "_bucket", $"{Label(model)},le=\"+Inf\"", count);
                Line(name + "_sum", Label(model), sum);
                Line(name + "_count", Label(model), count);
            }
        }
    }

    private IOrderedEnumerable<KeyValuePair<string, ModelMetrics>> Sorted() => _models.OrderBy(entry => entry.Key, StringComparer.Ordinal);

    private static string Label(string model)
    {
        string escaped = model.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal);
        return $"model=\"{escaped}\"";
    }
}
