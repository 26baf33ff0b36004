using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Lapidary.Gemma.Generation;

/// <summary>Telemetry of one answer for OpenTelemetry and other listeners of System.Diagnostics: a span and metrics by the semantic
/// conventions for generative AI, from a meter and an activity source, both named Lapidary.Gemma. They never contain texts.</summary>
internal sealed class ChatTelemetry : IDisposable
{
    /// <summary>Name of the meter and of the activity source.</summary>
    public const string Name = "Lapidary.Gemma";

    /// <summary>The value of gen_ai.provider.name.</summary>
    public const string Provider = "lapidary";

    private const string Operation = "chat";

    private static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);

    // The buckets follow the conventions.
    private static readonly Histogram<double> Duration = Meter.CreateHistogram(
        "gen_ai.client.operation.duration", "s", "Time of an answer, the wait for its turn included.",
        advice: Buckets(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92));

    private static readonly Histogram<int> Tokens = Meter.CreateHistogram(
        "gen_ai.client.token.usage", "{token}", "Tokens of prompts and answers.",
        advice: new InstrumentAdvice<int>
        {
            HistogramBucketBoundaries = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864],
        });

    private static readonly Histogram<double> FirstToken = Meter.CreateHistogram(
        "gen_ai.server.time_to_first_token", "s", "Time from a request to the first token of its answer.",
        advice: Buckets(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10));

    private static readonly Histogram<double> PerToken = Meter.CreateHistogram(
        "gen_ai.server.time_per_output_token", "s", "Time of a token of the answer, after the first.",
        advice: Buckets(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5));

    private static readonly UpDownCounter<int> Requests = Meter.CreateUpDownCounter<int>(
        "lapidary.chat.active_requests", "{request}", "Answers that are under way or wait for their turn.");

    private readonly KeyValuePair<string, object?>[] _tags;
    private readonly Activity? _activity;
    private readonly long _started = TimeProvider.System.GetTimestamp();
    private TimeSpan? _firstToken;
    private string? _error;
    private int _outputTokens;

    private ChatTelemetry(string model, KeyValuePair<string, object?>[] tags)
    {
        _tags = tags;
        // The model runs in this process, so its span is internal.
        _activity = Source.StartActivity($"{Operation} {model}", ActivityKind.Internal, default(ActivityContext), tags);
        Requests.Add(1, _tags);
    }

    /// <summary>Starts a request.</summary>
    /// <param name="model">The model's name.</param>
    /// <param name="responseId">The id of the answer.</param>
    /// <param name="options">The options of the request.</param>
    public static ChatTelemetry Start(string model, string responseId, GenerationOptions options)
    {
        var telemetry = new ChatTelemetry(model,
        [
            new("gen_ai.operation.name", Operation), new("gen_ai.provider.name", Provider), new("gen_ai.request.model", model),
            new("gen_ai.response.model", model),
        ]);
        var activity = telemetry._activity;
        if (activity is not { IsAllDataRequested: true }) return telemetry;
        activity.SetTag("gen_ai.response.id", responseId).SetTag("gen_ai.request.max_tokens", options.MaxNewTokens);
        if (options.Draws)
        {
            activity.SetTag("gen_ai.request.temperature", options.Temperature).SetTag("gen_ai.request.top_p", options.TopP)
                .SetTag("gen_ai.request.top_k", options.TopK).SetTag("gen_ai.request.seed", options.Seed);
        }

        return telemetry;
    }

    /// <summary>Records a token of the answer.</summary>
    public void OnToken()
    {
        _outputTokens++;
        _firstToken ??= TimeProvider.System.GetElapsedTime(_started);
    }

    /// <summary>Records a complete answer.</summary>
    /// <param name="promptTokens">Tokens of the prompt.</param>
    /// <param name="cachedTokens">Tokens of the prompt that needed no computation.</param>
    /// <param name="finishReason">Why the answer ended.</param>
    public void Complete(int promptTokens, int cachedTokens, string finishReason)
    {
        Tokens.Record(promptTokens, [.. _tags, new("gen_ai.token.type", "input")]);
        Tokens.Record(_outputTokens, [.. _tags, new("gen_ai.token.type", "output")]);
        _activity?.SetTag("gen_ai.usage.input_tokens", promptTokens).SetTag("gen_ai.usage.output_tokens", _outputTokens)
            .SetTag("gen_ai.usage.cache_read.input_tokens", cachedTokens)
            .SetTag("gen_ai.response.finish_reasons", new[] { finishReason });
    }

    /// <summary>Records a failed or cancelled answer.</summary>
    public void Fail(Exception error)
    {
        // Which of its kinds a cancellation is says nothing.
        _error = (error is OperationCanceledException ? typeof(OperationCanceledException) : error.GetType()).FullName;
        _activity?.SetTag("error.type", _error).SetTag("gen_ai.usage.output_tokens", _outputTokens)
            .SetStatus(ActivityStatusCode.Error, error.Message);
    }

    /// <summary>Ends the request.</summary>
    public void Dispose()
    {
        var elapsed = TimeProvider.System.GetElapsedTime(_started);
        Duration.Record(elapsed.TotalSeconds, _error is null ? _tags : [.. _tags, new("error.type", _error)]);
        if (_firstToken is { } first)
        {
            FirstToken.Record(first.TotalSeconds, _tags);
            if (_outputTokens > 1) PerToken.Record((elapsed - first).TotalSeconds / (_outputTokens - 1), _tags);
        }

        Requests.Add(-1, _tags);
        _activity?.Dispose();
    }

    private static InstrumentAdvice<double> Buckets(params double[] boundaries) => new() { HistogramBucketBoundaries = boundaries };
}
