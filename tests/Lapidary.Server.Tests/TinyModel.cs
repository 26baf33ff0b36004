using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.TextToSql;

namespace Lapidary.Server.Tests;

/// <summary>The built-in model and two adapters on it, loaded once for all tests.</summary>
internal sealed class TinyModel
{
    private static readonly Lazy<TinyModel> Loaded = new(() => new TinyModel());

    private TinyModel()
    {
        Folder = Path.Combine(Fixtures.TemporaryFolder(), "tiny");
        TinyGemma.Write(Folder);
        Backend = new CpuBackend(2);
        Model = GemmaModel.Load(Folder, Backend);
        Tokenizer = Tokenizer.Load(Folder);
        Template = ChatTemplate.Load(Folder);
    }

    public static TinyModel Instance => Loaded.Value;

    public string Folder { get; }

    public IBackend Backend { get; }

    public GemmaModel Model { get; }

    public Tokenizer Tokenizer { get; }

    public ChatTemplate Template { get; }

    /// <summary>An adapter that changes answers, from a seed.</summary>
    public static void WriteAdapter(string folder, GemmaModel model, long seed)
    {
        using var adapter = Adapter.Create(model, new LoraConfig { R = 4 }, seed);
        var random = new StableRandom(seed, stream: 99);
        foreach (var parameter in adapter.Parameters.Where(parameter => parameter.Name.Contains("lora_B", StringComparison.Ordinal)))
        {
            var values = new float[parameter.Value.Count];
            for (int i = 0; i < values.Length; i++) values[i] = (float)(random.NextDouble() - 0.5);
            model.Backend.Write<float>(values, parameter.Value);
        }

        adapter.Save(folder, model);
    }
}
