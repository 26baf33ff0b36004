using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Gemma.Text;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Text;

public class ChatTemplateTests
{
    private static readonly Dictionary<string, string> Bos = new() { ["bos_token"] = "<bos>" };
    private static readonly ChatTurn[] TwoTurns =
        [new("system", "Be brief."), new("user", " q1 "), new("assistant", " a1 🙂 "), new("user", "q2"), new("assistant", "a2")];

    [Fact]
    public void BuiltIn_MatchesHuggingFace() => MatchesAll(ChatTemplate.Parse(GemmaChatTemplate.Text, Bos));

    [Fact]
    public void Small_MatchesHuggingFace() => MatchesAll(ChatTemplate.Load(TokenizerFixtures.SmallFolder));

    [Fact]
    public void Gemma_MatchesHuggingFace() => MatchesAll(ChatTemplate.Load(TokenizerFixtures.RealFolder));

    [Fact]
    public void Encode_MatchesHuggingFace()
    {
        ChatTemplate[] templates = [ChatTemplate.Load(TokenizerFixtures.RealFolder), ChatTemplate.Parse(GemmaChatTemplate.Text, Bos)];
        foreach (var template in templates)
        {
            foreach (var chat in Chats().Where(chat => chat.TryGetProperty("ids", out _)))
            {
                Assert.Equal(
                    chat.Ids("ids"),
                    template.Encode(TokenizerFixtures.Real, chat.Messages(), chat.GetProperty("add_generation_prompt").GetBoolean()));
            }
        }
    }

    [Fact]
    public void RenderWithAssistantSpans_CoversContentAndEndOfTurn()
    {
        // By generation blocks, and by rendering prefixes: the same spans.
        ChatTemplate[] templates = [ChatTemplate.Parse(GemmaChatTemplate.Text, Bos), ChatTemplate.Load(TokenizerFixtures.SmallFolder)];
        foreach (var template in templates)
        {
            var chat = template.RenderWithAssistantSpans(TwoTurns);
            Assert.Equal(template.Render(TwoTurns, addGenerationPrompt: false), chat.Text);
            Assert.Equal(["a1 🙂<end_of_turn>\n", "a2<end_of_turn>\n"], chat.AssistantSpans.Select(span => chat.Text[span.Start..span.End]));
        }
    }

    [Fact]
    public void EncodeWithAssistantMask_MarksTheAssistantsTokens_WithOneBos()
    {
        var template = ChatTemplate.Load(TokenizerFixtures.SmallFolder);
        var tokenizer = TokenizerFixtures.Small;
        var (ids, mask) = template.EncodeWithAssistantMask(tokenizer, TwoTurns);
        Assert.Equal(template.Encode(tokenizer, TwoTurns, addGenerationPrompt: false), ids);
        Assert.Single(ids, id => id == tokenizer.BosTokenId);
        Assert.Equal("a1 🙂<end_of_turn>\na2<end_of_turn>\n", tokenizer.Decode([.. ids.Where((_, i) => mask[i])], skipSpecialTokens: false));
    }

    [Fact]
    public void Render_OfMutatedTemplates_FailsOnlyWithLapidaryException()
    {
        var random = new Random(6);
        int rendered = 0;
        for (int i = 0; i < 2000; i++)
        {
            var text = new System.Text.StringBuilder(GemmaChatTemplate.Text);
            for (int edits = random.Next(1, 4); edits > 0; edits--)
            {
                int at = random.Next(text.Length - 20);
                if (random.Next(2) == 0) text.Remove(at, random.Next(1, 12));
                else text.Insert(at, GemmaChatTemplate.Text.AsSpan(random.Next(text.Length / 2), random.Next(1, 12)));
            }

            try
            {
                ChatTemplate.Parse(text.ToString(), Bos).Render(TwoTurns, addGenerationPrompt: true);
                rendered++;
            }
            catch (LapidaryException)
            {
                // The only exception a template may cause.
            }
        }

        Assert.InRange(rendered, 20, 1980);
    }

    [Theory]
    [InlineData("a\n{% include 'x' %}", "chat template, line 2: {% include %} is not supported here")]
    [InlineData("{{ raise_exception('two\nlines') }}", "chat template, line 1: two lines")]
    public void Render_FailsInOneLineThatNamesTheTemplatesLine(string template, string message)
    {
        var error = Assert.Throws<LapidaryException>(() => ChatTemplate.Parse(template, Bos).Render(TwoTurns, addGenerationPrompt: false));
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Encode_AddsBos_WhereTheTemplateHasNone()
    {
        var template = ChatTemplate.Parse("{% for m in messages %}{{ m.content }}{% endfor %}", Bos);
        int[] ids = template.Encode(TokenizerFixtures.Small, [new ChatTurn("user", "a")], addGenerationPrompt: false);
        Assert.Equal([TokenizerFixtures.Small.BosTokenId!.Value, TokenizerFixtures.Small.TokenId("a")!.Value], ids);
    }

    [Fact]
    public void RenderWithAssistantSpans_RefusesATemplateThatRewritesThePast()
    {
        var template = ChatTemplate.Parse("{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}", Bos);
        var error = Assert.Throws<LapidaryException>(() => template.RenderWithAssistantSpans([new("user", "a"), new("assistant", "b")]));
        Assert.Contains("generation", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_PutsImagesAndPartsInOrder() => Assert.Equal(
        "<bos><start_of_turn>user\n<start_of_image>what?<end_of_turn>\n",
        ChatTemplate.Load(TokenizerFixtures.SmallFolder).Render(
            [new ChatTurn("user", [new ChatPart("image"), new ChatPart("text", " what? ")])], addGenerationPrompt: false));

    [Fact]
    public void Load_PrefersTheJinjaFile_AndFallsBackToGemma()
    {
        string folder = Fixtures.TemporaryFolder();
        Assert.Contains(
            "no chat template", Assert.Throws<LapidaryException>(() => ChatTemplate.Load(folder)).Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(folder, "config.json"), """{"model_type":"gemma3_text"}""");
        Assert.Equal(GemmaChatTemplate.Text, ChatTemplate.Load(folder).Text);
        Assert.StartsWith("<bos>", ChatTemplate.Load(folder).Render([new ChatTurn("user", "a")], false), StringComparison.Ordinal);
        File.WriteAllText(
            Path.Combine(folder, "tokenizer_config.json"),
            """
            {"chat_template":[{"name":"tool_use","template":"x"},{"name":"default","template":"{{ eos_token }}"}],
            "eos_token":{"content":"<e>"}}
            """);
        Assert.Equal("<e>", ChatTemplate.Load(folder).Render([new ChatTurn("user", "a")], false));
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), "jinja");
        Assert.Equal("jinja", ChatTemplate.Load(folder).Render([new ChatTurn("user", "a")], false));
        Directory.Delete(folder, recursive: true);
    }

    private static void MatchesAll(ChatTemplate template)
    {
        Assert.Equal(18, Chats().Count);
        foreach (var chat in Chats())
        {
            bool prompt = chat.GetProperty("add_generation_prompt").GetBoolean();
            if (chat.TryGetProperty("text", out var text))
            {
                Assert.Equal(text.GetString(), template.Render(chat.Messages(), prompt));
                continue;
            }

            var error = Assert.Throws<LapidaryException>(() => template.Render(chat.Messages(), prompt));
            Assert.EndsWith(
                chat.Text("error")[(chat.Text("error").IndexOf(':', StringComparison.Ordinal) + 2)..], error.Message,
                StringComparison.Ordinal);
        }
    }

    private static List<JsonElement> Chats() => [.. TokenizerFixtures.Json("tokenizer/cases.json").GetProperty("chats").EnumerateArray()];
}
