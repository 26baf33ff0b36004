using System.Text;
using System.Text.Json.Nodes;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>Every key of every JSON that comes with a model or an adapter, with values that nobody would write: the model loads, or one
/// line says what is wrong.</summary>
public class OddValuesTests
{
    private static readonly string[] Odd =
    [
        "null", "true", "-1", "0", "1e400", "-1e-400", "9223372036854775808", "0.5", "1e18", "\"\"", "\"x\"", "\"\\u0000\\u202e\"", "[]",
        "{}", "[null]", "[[[[]]]]", "{\"a\":[{}]}", "[1,\"x\"]", Deep(40),
    ];

    [Theory]
    [InlineData("tiny/model", "config.json")]
    [InlineData("tiny/multimodal", "config.json")]
    [InlineData("tiny/prequantized", "config.json")]
    [InlineData("tiny/prequantized", "generation_config.json")]
    public void AModel_LoadsOrIsRefusedInOneLine(string fixture, string file)
    {
        string folder = Variant.Of(Fixtures.Path(fixture));
        using var backend = new CpuBackend(threads: 1);
        Try(Path.Combine(folder, file), () =>
        {
            using var model = GemmaModel.Load(folder, backend);
            GenerationConfig.Load(folder, model.Config);
        });
        Assert.Equal(0, backend.Memory.LiveBytes);
    }

    [Fact]
    public void AnAdapter_LoadsOrIsRefusedInOneLine()
    {
        string folder = Variant.Of(Fixtures.Path("tiny/adapter_tied"));
        using var model = ModelRun.Load("model");
        long before = model.Backend.Memory.LiveBytes;
        Try(Path.Combine(folder, "adapter_config.json"), () => Adapter.Load(model, folder).Dispose());
        Assert.Equal(before, model.Backend.Memory.LiveBytes);
    }

    [Fact]
    public void AnIndex_LoadsOrIsRefusedInOneLine()
    {
        string folder = Variant.Of(Fixtures.Path("tiny/model"));
        string[] names;
        using (var file = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors")))
            names = [.. file.Entries.Select(entry => entry.Name)];
        File.Move(Path.Combine(folder, "model.safetensors"), Path.Combine(folder, "model-00001-of-00001.safetensors"));
        var map = new JsonObject(names.Select(name => KeyValuePair.Create(name, (JsonNode?)"model-00001-of-00001.safetensors")));
        string index = Path.Combine(folder, "model.safetensors.index.json");
        var metadata = new JsonObject { ["total_size"] = 1 };
        File.WriteAllText(index, new JsonObject { ["metadata"] = metadata, ["weight_map"] = map }.ToJsonString());
        using var backend = new CpuBackend(threads: 1);
        Try(index, () => GemmaModel.Load(folder, backend).Dispose(), most: 12);
        Assert.Equal(0, backend.Memory.LiveBytes);
    }

    [Fact]
    public void AQuantState_LoadsOrIsRefusedInOneLine()
    {
        const string Name = "model.layers.0.self_attn.q_proj.weight.quant_state.bitsandbytes__nf4";
        string json = Path.Combine(Fixtures.TemporaryFolder(), "state.json");
        Variant.Of(Fixtures.Path("tiny/prequantized"), tensors => File.WriteAllBytes(json, tensors[Name].Bytes));
        using var backend = new CpuBackend(threads: 1);
        Try(json, () =>
        {
            byte[] state = File.ReadAllBytes(json);
            string folder = Variant.Of(
                Fixtures.Path("tiny/prequantized"), tensors => tensors[Name] = new RawTensor("U8", [state.Length], state));
            try
            {
                GemmaModel.Load(folder, backend).Dispose();
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        });
        Assert.Equal(0, backend.Memory.LiveBytes);
    }

    /// <summary>Puts every odd value in the place of every value of a JSON file, one at a time.</summary>
    private static void Try(string path, Action load, int most = int.MaxValue)
    {
        string valid = File.ReadAllText(path);
        int refused = 0;
        var found = new List<string>();
        load();
        foreach (string[] place in Places(JsonNode.Parse(valid)!, []).Take(most).Append(["another_key"]).ToArray())
        {
            foreach (string value in Odd)
            {
                var tree = JsonNode.Parse(valid)!;
                var parent = tree;
                foreach (string key in place[..^1]) parent = parent is JsonArray list ? list[int.Parse(key, null)]! : parent[key]!;
                if (parent is JsonArray array) array[int.Parse(place[^1], null)] = JsonNode.Parse(value);
                else parent[place[^1]] = JsonNode.Parse(value);
                File.WriteAllText(path, tree.ToJsonString(), new UTF8Encoding(false));
                try
                {
                    load();
                }
                catch (LapidaryException e)
                {
                    refused++;
                    if (e.Message.Any(char.IsControl) || e.Message.Length > 1200)
                        found.Add($"{string.Join('.', place)} = {value}: {e.Message}");
                }
                catch (Exception e)
                {
                    found.Add($"{string.Join('.', place)} = {value}: {e}");
                }
            }
        }

        File.WriteAllText(path, valid);
        Assert.True(found.Count == 0, $"{found.Count} of them: {string.Join(Environment.NewLine, found.Take(5))}");
        Assert.True(refused > 10, $"{refused} refused");
    }

    private static IEnumerable<string[]> Places(JsonNode node, string[] path)
    {
        var children = node switch
        {
            JsonObject json => json.Select(pair => (pair.Key, pair.Value)),
            JsonArray list => list.Take(3).Select((item, i) => ($"{i}", item)),
            _ => [],
        };
        foreach (var (key, child) in children)
        {
            yield return [.. path, key];
            if (child is null) continue;
            foreach (string[] place in Places(child, [.. path, key])) yield return place;
        }
    }

    private static string Deep(int levels) => new string('[', levels) + new string(']', levels);
}
