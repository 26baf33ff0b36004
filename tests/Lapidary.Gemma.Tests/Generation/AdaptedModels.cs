using Lapidary.Engine;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Generation;

/// <summary>The tiny model and adapters over it, each a model over the same weights: of different ranks, scales, modules and
/// layers.</summary>
internal sealed class AdaptedModels : IDisposable
{
    private readonly Stack<IDisposable> _owned = [];

    public AdaptedModels(IBackend backend, GemmaConfig? config = null)
    {
        Backend = Own(backend);
        Base = Own(config is null
            ? GemmaModel.Load(Fixtures.Path("tiny/model"), backend, new ModelOptions { Quantization = QuantizationKind.Nf4 })
            : GemmaModel.Random(config, backend, new ModelOptions { DType = DType.Float32 }, seed: 5));
        Models =
        [
            Base,
            With(new LoraConfig { R = 16, LoraAlpha = 4, TargetModules = ModuleSelector.AllLinear }),
            With(new LoraConfig { R = 6, UseRslora = true, TargetModules = ModuleSelector.FromNames(["q_proj", "v_proj", "down_proj"]) }),
            With(new LoraConfig { R = 3, LayersToTransform = [1, 4], TargetModules = ModuleSelector.FromNames(["o_proj", "gate_proj"]) }),
            With(new LoraConfig { R = 8, TargetModules = ModuleSelector.FromNames(["k_proj", "up_proj"]) }),
        ];
    }

    public IBackend Backend { get; }

    public GemmaModel Base { get; }

    /// <summary>The base, then those with adapters.</summary>
    public GemmaModel[] Models { get; }

    /// <summary>A model with an adapter that changes texts.</summary>
    public GemmaModel With(LoraConfig config, bool isTrainable = false, float? fill = null)
    {
        var model = Own(Base.ShareWeights());
        string folder = Directory.CreateTempSubdirectory("lapidary-adapter").FullName;
        try
        {
            using (var made = Adapter.Create(model, config, seed: 3))
            {
                Fill(made, config.R);
                made.Save(folder, model);
            }

            var adapter = Own(Adapter.Load(model, folder, isTrainable));
            if (fill is { } value) Write(adapter.Parameters[0], _ => value);
            model.Attach(adapter);
            return model;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public void Dispose()
    {
        while (_owned.TryPop(out var owned)) owned.Dispose();
    }

    private void Fill(Adapter adapter, int seed)
    {
        var random = new StableRandom(seed, stream: 1);
        foreach (var parameter in adapter.Parameters.Where(parameter => parameter.Name.Contains("lora_B", StringComparison.Ordinal)))
            Write(parameter, _ => (float)(random.NextDouble() - 0.5));
    }

    private void Write(Parameter parameter, Func<int, float> value) =>
        Backend.Write<float>([.. Enumerable.Range(0, (int)parameter.Value.Count).Select(value)], parameter.Value);

    private T Own<T>(T owned) where T : IDisposable
    {
        _owned.Push(owned);
        return owned;
    }
}
