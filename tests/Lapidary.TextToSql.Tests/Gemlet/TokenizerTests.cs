using Gemlet;
using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.TextToSql.Tests.Gemlet;

/// <summary>The tokenizer and the folder that gemlet begins with.</summary>
public sealed class TokenizerTests : IDisposable
{
    private const int Size = 1024;

    private readonly string _folder = Directory.CreateTempSubdirectory("gemlet").FullName;

    public TokenizerTests()
    {
        string[] texts = [.. Enumerable.Range(0, 60).Select(i => Documents.Draw("parts", 1, i))];
        string file = Path.Combine(_folder, "tokenizer.json");
        TokenizerDraft.Write(file, texts, Size, words: 500);
        ModelFolder.Write(_folder, file, ModelSize.Parse("2,64,2,1,32,128"), seed: 3);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Texts_ComeBack()
    {
        var tokenizer = Tokenizer.Load(_folder);
        Assert.Equal(Size, tokenizer.VocabSize);
        foreach (string text in Enumerable.Range(0, 40).Select(i => Documents.Draw("scripts", 2, i)).Append("Ünïcödé ▁ 漢字\t\n\n  x"))
        {
            int[] ids = tokenizer.Encode(text, addSpecialTokens: false);
            Assert.Equal(text.Replace('▁', ' '), tokenizer.Decode(ids, skipSpecialTokens: true));
        }
    }

    /// <summary>A name has the same pieces wherever it stands, and a number one for each digit.</summary>
    [Fact]
    public void Names_HaveTheSamePieces_Everywhere()
    {
        var tokenizer = Tokenizer.Load(_folder);
        int[] name = tokenizer.Encode("brastelor", addSpecialTokens: false);
        foreach (string frame in new[] { "SELECT {0} FROM x", "x.{0} = 3", "({0}, x)", "the {0}, and", "{0}_x" })
        {
            string ids = string.Join(' ', tokenizer.Encode(frame.Replace("{0}", "brastelor", StringComparison.Ordinal), false));
            Assert.Contains(string.Join(' ', name), ids, StringComparison.Ordinal);
        }

        Assert.Equal(7, tokenizer.Encode("2024.75", addSpecialTokens: false).Length);
    }

    [Fact]
    public void Special_HaveGemmasRoles()
    {
        var tokenizer = Tokenizer.Load(_folder);
        Assert.Equal([0, 1, 2, 3], new[] { "<pad>", "<eos>", "<bos>", "<unk>" }.Select(tokenizer.TokenId).OfType<int>());
        Assert.Equal(2, tokenizer.Encode("x", addSpecialTokens: true)[0]);
        Assert.NotNull(tokenizer.EndOfTurnTokenId);
    }

    [Fact]
    public void Folder_IsAModel()
    {
        using var backend = Backend.Create("cpu");
        using var model = GemmaModel.Load(_folder, backend);
        Assert.Equal(2, model.Config.NumHiddenLayers);
        Assert.Equal(Size, model.Config.VocabSize);
    }
}
