using System.Diagnostics;
using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training;
using Microsoft.Extensions.AI;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using Xunit.Sdk;
using Xunit.v3;

// Meters belong to the process: answers of other tests would be counted with those of TelemetryTests.
[assembly: Parallelization(Mode = ParallelMode.None)]

namespace Lapidary.Hosting.Tests;

/// <summary>What OpenTelemetry gets of the meters and activity sources Lapidary.*.</summary>
public sealed class TelemetryTests : IDisposable
{
    private readonly List<Metric> _metrics = [];
    private readonly List<Activity> _spans = [];
    private readonly MeterProvider _meters;
    private readonly TracerProvider _tracers;
    private readonly CpuBackend _backend = new(threads: 1);

    public TelemetryTests()
    {
        _meters = Sdk.CreateMeterProviderBuilder().AddMeter("Lapidary.*").AddInMemoryExporter(_metrics).Build();
        _tracers = Sdk.CreateTracerProviderBuilder().AddSource("Lapidary.*").AddInMemoryExporter(_spans).Build();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AnAnswer_HasTheFieldsMetricsAndSpan()
    {
        using var model = GemmaModel.Load(TinyModel.Folder, _backend);
        using var client = new GemmaChatClient(
            model, Tokenizer.Load(TinyModel.Folder), ChatTemplate.Load(TinyModel.Folder), "telemetry-test");
        var usage = (await client.GetResponseAsync("Hi", new ChatOptions { MaxOutputTokens = 3 }, Token)).Usage!;
        await Assert.ThrowsAsync<OperationCanceledException>(() => Cancelled(client));

        Assert.True(_meters.ForceFlush());
        var tokens = Points("gen_ai.client.token.usage");
        Assert.Equal((double)usage.InputTokenCount!, tokens.Single(point => point.Tags["gen_ai.token.type"] is "input").Sum);
        Assert.Equal((double)usage.OutputTokenCount!, tokens.Single(point => point.Tags["gen_ai.token.type"] is "output").Sum);
        var durations = Points("gen_ai.client.operation.duration");
        Assert.Equal(
            [null, "System.OperationCanceledException"],
            durations.Select(point => point.Tags.GetValueOrDefault("error.type")).Order());
        Assert.All(durations, point => Assert.Equal("chat", point.Tags["gen_ai.operation.name"]));
        Assert.All(durations, point => Assert.Equal("lapidary", point.Tags["gen_ai.provider.name"]));
        Assert.NotEmpty(Points("gen_ai.server.time_to_first_token"));
        Assert.NotEmpty(Points("gen_ai.server.time_per_output_token"));
        Assert.Equal(0, Points("lapidary.chat.active_requests").Single().Sum);

        var spans = _spans.Where(span => span.DisplayName == "chat telemetry-test").ToList();
        Assert.Equal(2, spans.Count);
        Assert.Equal((int)usage.InputTokenCount!, spans[0].GetTagItem("gen_ai.usage.input_tokens"));
        Assert.Equal((int)usage.OutputTokenCount!, spans[0].GetTagItem("gen_ai.usage.output_tokens"));
        Assert.Equal(ActivityStatusCode.Error, spans[1].Status);
    }

    [Fact]
    public void ARun_TellsLossAndSpeed()
    {
        using var model = GemmaModel.Load(TinyModel.Folder, _backend, new ModelOptions { Quantization = QuantizationKind.Nf4 });
        string output = Path.Combine(Fixtures.TemporaryFolder(), "telemetry-run");
        var rows = DataSet.From(Enumerable.Range(0, 8).Select(i => new { Prompt = $"How many are {i}? ", Completion = $"There are {i}." }));
        var config = new SftConfig { OutputDir = output, MaxSteps = 3, MaxLength = 32 };
        using var trainer = SftTrainer.Create(
            model, GemmaTextEncoder.Load(TinyModel.Folder), rows, config, new LoraConfig { R = 2 }, eval: rows);
        var state = trainer.Train(cancellationToken: Token);

        Assert.True(_meters.ForceFlush());
        Assert.Equal(3, Points("lapidary.training.steps").Single().Sum);
        Assert.Equal(state.NumTokens, Points("lapidary.training.tokens").Single().Sum);
        Assert.True(Points("lapidary.training.loss").Single().Sum > 0);
        Assert.True(Points("lapidary.training.eval.loss").Single().Sum > 0);
        Assert.True(Points("lapidary.training.tokens_per_second").Single().Sum > 0);
        Assert.Equal(2e-4, Points("lapidary.training.learning_rate").Single().Sum);
        var span = Assert.Single(_spans, span => span.Source.Name == "Lapidary.Training");
        Assert.Equal(output, span.GetTagItem("lapidary.training.run"));
        Assert.Contains(span.Events, e => e.Name == "checkpoint");
    }

    public void Dispose()
    {
        _meters.Dispose();
        _tracers.Dispose();
        _backend.Dispose();
    }

    private static async Task Cancelled(GemmaChatClient client)
    {
        using var source = new CancellationTokenSource();
        await foreach (var _ in client.GetStreamingResponseAsync([new(ChatRole.User, "Hi")], new() { Temperature = 1 }, source.Token))
            await source.CancelAsync();
    }

    private List<(Dictionary<string, object?> Tags, double Sum)> Points(string metric)
    {
        List<(Dictionary<string, object?>, double)> points = [];
        var found = Assert.Single(_metrics, candidate => candidate.Name == metric);
        foreach (ref readonly var point in found.GetMetricPoints())
        {
            Dictionary<string, object?> tags = [];
            foreach (var tag in point.Tags) tags[tag.Key] = tag.Value;
            points.Add((tags, found.MetricType switch
            {
                MetricType.Histogram => point.GetHistogramSum(),
                MetricType.LongSum or MetricType.LongSumNonMonotonic => point.GetSumLong(),
                _ => point.GetGaugeLastValueDouble(),
            }));
        }

        return points;
    }
}
