using System.Text;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Configuration;
using Lapidary.Gemma.Lora;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

public class ConfigFuzzTests
{
    private static readonly string[] Pieces =
        [
            "null", "{}", "[]", "-1", "1e400", "\"\\uD800\"", "\"x\"", "\"\\u0000\"", "true", "9223372036854775808",
            "[null]", "{\"a\":[{}]}", "\xEF", "\\", "\"", ",", ":",
        ];

    [Theory]
    [InlineData("tiny/multimodal/config.json")]
    [InlineData("tiny/prequantized/config.json")]
    [InlineData("tiny/multimodal/generation_config.json")]
    [InlineData("tiny/adapter_tied/adapter_config.json")]
    public void Load_OnlyThrowsLapidaryExceptionOnMutatedFiles(string fixture)
    {
        var random = new Random(7);
        string valid = File.ReadAllText(Fixtures.Path(fixture)), folder = Fixtures.TemporaryFolder();
        string path = Path.Combine(folder, Path.GetFileName(fixture));
        var model = GemmaConfig.Preset("270m");
        int refused = 0;
        for (int i = 0; i < 600; i++)
        {
            File.WriteAllBytes(path, Encoding.Latin1.GetBytes(Mutate(valid, random)));
            try
            {
                if (fixture.EndsWith("generation_config.json", StringComparison.Ordinal)) GenerationConfig.Load(folder, model);
                else if (fixture.EndsWith("adapter_config.json", StringComparison.Ordinal))
                    AdapterConfigFile.Read(folder, []).Matches("model.layers.0.mlp.up_proj");
                else
                    JsonFile.ToText(
                        new GemmaConfigChanges { Dtype = "bfloat16", TieWordEmbeddings = false }.Apply(GemmaConfig.Load(folder).Json));
            }
            catch (LapidaryException e)
            {
                Assert.DoesNotContain('\n', e.Message);
                refused++;
            }
        }

        Assert.True(refused > 100, $"{refused} refused: the mutations are too weak.");
    }

    // Half of the mutations stay JSON: they put a piece in the place of a value or a name.
    private static string Mutate(string valid, Random random)
    {
        string piece = Pieces[random.Next(Pieces.Length)];
        if (random.Next(2) == 0) return valid.Insert(random.Next(valid.Length), piece);
        string[] lines = valid.Split('\n');
        int line = random.Next(lines.Length);
        int colon = lines[line].IndexOf(':', StringComparison.Ordinal);
        if (colon > 0 && random.Next(5) == 0) lines[line] = "\"\\uDC00\"" + lines[line][colon..];
        else if (colon > 0) lines[line] = lines[line][..(colon + 1)] + piece + (lines[line].EndsWith(',') ? "," : "");
        return string.Join('\n', lines);
    }
}
