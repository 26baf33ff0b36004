using Lapidary.Gemma.Text;

namespace Lapidary.Gemma.Tests.Text;

public sealed class TokenizerCacheTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("lapidary-tokenizers-").FullName;

    private string Kept => Path.Combine(_root, "kept");

    private string[] Entries => Directory.Exists(Kept) ? Directory.GetFiles(Kept) : [];

    private TokenizerCache Cache => new(Kept, minFileBytes: 0);

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void AKeptTokenizer_MakesTheSameIds()
    {
        string folder = TokenizerFixtures.Small.Folder;
        Tokenizer first = Tokenizer.Read(folder, Cache), later = Tokenizer.Read(folder, Cache);
        string entry = Assert.Single(Entries);
        Assert.EndsWith(".tokenizer", entry, StringComparison.Ordinal);
        AssertSame(TokenizerFixtures.Small, first, "tokenizer/small-cases.json");
        AssertSame(TokenizerFixtures.Small, later, "tokenizer/small-cases.json");
    }

    [Fact]
    public void GemmasTokenizer_MakesTheSameIds()
    {
        string folder = TokenizerFixtures.RealFolder;
        var cache = new TokenizerCache(Kept);
        Tokenizer.Read(folder, cache);
        Assert.Single(Entries);
        AssertSame(TokenizerFixtures.Real, Tokenizer.Read(folder, cache), "tokenizer/cases.json");
    }

    /// <summary>A byte that is changed anywhere, a file that is cut anywhere.</summary>
    [Fact]
    public void ADamagedEntry_IsMadeAgain()
    {
        string folder = TokenizerFixtures.Small.Folder;
        Tokenizer.Read(folder, Cache);
        string entry = Assert.Single(Entries);
        byte[] whole = File.ReadAllBytes(entry);
        for (int at = 0; at < whole.Length; at += Math.Max(1, whole.Length / 200))
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 0x41;
            File.WriteAllBytes(entry, at % 2 == 0 ? damaged : whole[..at]);
            Assert.Equal(TokenizerFixtures.Small.Encode("a stone", true), Tokenizer.Read(folder, Cache).Encode("a stone", true));
            Assert.Equal(whole, File.ReadAllBytes(entry));
        }
    }

    [Fact]
    public void AnotherFile_HasAnotherEntry()
    {
        string folder = Copy();
        Tokenizer.Read(folder, Cache);
        File.AppendAllText(Path.Combine(folder, "tokenizer.json"), "\n");
        Tokenizer.Read(folder, Cache);
        Assert.Equal(2, Entries.Length);
    }

    [Fact]
    public void OnlySomeEntries_AreKept()
    {
        string folder = Copy();
        for (int i = 0; i < TokenizerCache.MaxEntries + 3; i++)
        {
            File.AppendAllText(Path.Combine(folder, "tokenizer.json"), "\n");
            Tokenizer.Read(folder, Cache);
        }

        Assert.Equal(TokenizerCache.MaxEntries, Entries.Length);
    }

    [Fact]
    public void AFolderThatCannotBeWritten_IsNoError()
    {
        File.WriteAllText(Kept, "a file");
        Assert.NotEmpty(Tokenizer.Read(TokenizerFixtures.Small.Folder, Cache).Encode("a", true));
    }

    [Fact]
    public void ASmallFile_IsNotKept()
    {
        Tokenizer.Read(TokenizerFixtures.Small.Folder, new TokenizerCache(Kept));
        Assert.Empty(Entries);
    }

    [Fact]
    public void TheEnvironment_NamesTheFolder()
    {
        static string? Folder(string name, string value) => TokenizerCache.FolderOf(asked => asked == name ? value : null);
        Assert.Null(Folder("LAPIDARY_TOKENIZER_CACHE", "none"));
        Assert.Equal(Path.GetFullPath("here"), Folder("LAPIDARY_TOKENIZER_CACHE", "here"));
        Assert.Equal(Path.Combine("all", "tokenizers"), Folder("LAPIDARY_CACHE", "all"));
        Assert.Null(Folder("OTHER", "x"));
    }

    private static void AssertSame(Tokenizer expected, Tokenizer found, string cases)
    {
        Assert.Equal(expected.Identity, found.Identity);
        Assert.Equal(expected.VocabSize, found.VocabSize);
        foreach (var example in TokenizerFixtures.Json(cases).GetProperty("cases").EnumerateArray())
        {
            string text = example.Text("text");
            int[] ids = example.Ids("ids");
            Assert.Equal(ids, found.Encode(text, addSpecialTokens: false));
            Assert.Equal(expected.Decode(ids, false), found.Decode(ids, false));
            Assert.Equal(expected.EncodeWithOffsets(text, true).Spans, found.EncodeWithOffsets(text, true).Spans);
        }
    }

    private string Copy()
    {
        string copy = Directory.CreateDirectory(Path.Combine(_root, "copy")).FullName;
        foreach (string file in Directory.GetFiles(TokenizerFixtures.Small.Folder, "*.json"))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        return copy;
    }
}
