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
        var error = Assert.ThrowsAny<LapidaryException>(
            () => ChatTemplate.Parse(template, Bos).Render(TwoTurns, addGenerationPrompt: false));
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
    public void RenderWithAssistantSpans_AreTheGenerationBlocks_WhereThereAreAny()
    {
        var template = ChatTemplate.Parse(
            "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}!"
            + "{% else %}{{ m.content }}{% endif %}{% endfor %}",
            Bos);
        var chat = template.RenderWithAssistantSpans([new("user", "a"), new("assistant", "b"), new("user", "c"), new("assistant", "d")]);
        Assert.Equal(["b", "d"], chat.AssistantSpans.Select(span => chat.Text[span.Start..span.End]));
    }

    [Fact]
    public void RenderWithAssistantSpans_RefusesAnAssistantThatBegins()
    {
        var template = ChatTemplate.Parse("{% for m in messages %}{{ m.content }};{% endfor %}", Bos);
        var error = Assert.Throws<LapidaryException>(() => template.RenderWithAssistantSpans([new("assistant", "a"), new("user", "b")]));
        Assert.Contains("begins with the assistant", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Without a loop over the messages each beginning is rendered, which takes a time that grows with the square.</summary>
    [Fact]
    public void RenderWithAssistantSpans_WithoutALoop_AreOfSoManyMessagesAtMost()
    {
        var template = ChatTemplate.Parse("{{ messages | map(attribute='content') | join(';') }};", Bos);
        ChatTurn[] turns = [.. Enumerable.Range(0, 2100).Select(i => new ChatTurn(i % 2 == 0 ? "user" : "assistant", "t"))];
        Assert.Equal(500, template.RenderWithAssistantSpans(turns[..1000]).AssistantSpans.Count);
        var error = Assert.Throws<LapidaryException>(() => template.RenderWithAssistantSpans(turns));
        Assert.Contains("expected at most 1024 messages", error.Message, StringComparison.Ordinal);
    }

    /// <summary>One rendering of the whole, and few of its beginnings: rendering twice a turn would take minutes.</summary>
    [Fact]
    public void RenderWithAssistantSpans_IsLinear()
    {
        string text = ChatTemplate.Load(TokenizerFixtures.SmallFolder).Text
            .Replace("{%- generation -%}", "", StringComparison.Ordinal).Replace("{%- endgeneration -%}", "", StringComparison.Ordinal);
        ChatTurn[] turns = [.. Enumerable.Range(0, 6000).Select(i => new ChatTurn(i % 2 == 0 ? "user" : "assistant", $"text {i}"))];
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var chat = ChatTemplate.Parse(text, Bos).RenderWithAssistantSpans(turns);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"{watch.Elapsed}");
        Assert.Equal(
            Enumerable.Range(0, 3000).Select(i => $"text {(2 * i) + 1}<end_of_turn>\n"),
            chat.AssistantSpans.Select(span => chat.Text[span.Start..span.End]));
    }

    /// <summary>The spans by the loop over the messages are those by rendering the conversation up to each message.</summary>
    [Theory]
    [InlineData("{% for m in messages %}<{{ m.role }}>{{ m.content }};{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}")]
    [InlineData("{% for m in messages %}<{{ m.role }}>{{ m.content }};{% endfor %}")]
    [InlineData("{% set ns = namespace(t='') %}{% for m in messages %}{% set ns.t = ns.t + m.role + m.content %}{% endfor %}{{ ns.t }}")]
    [InlineData("{% macro w(m) %}[{{ m.content }}]{% endmacro %}{% for i in [0] %}{% for m in messages[::1] %}{{ w(m) }}"
        + "{% endfor %}{% endfor %}")]
    [InlineData("{% for m in messages %}{% endfor %}{% for m in messages[0:] %}{{ m.content }}"
        + "{% if m.role == 'user' %}<a>{% endif %}{% endfor %}")]
    public void RenderWithAssistantSpans_EqualsRenderingPrefixes(string text)
    {
        var template = ChatTemplate.Parse(text, Bos);
        ChatTurn[] turns = [.. Enumerable.Range(0, 9).Select(i => new ChatTurn(i % 2 == 0 ? "user" : "assistant", $"t{i}"))];
        var chat = template.RenderWithAssistantSpans(turns);
        for (int i = 1, n = 0; i < turns.Length; i += 2, n++)
        {
            Assert.Equal(template.Render(turns[..i], true).Length, chat.AssistantSpans[n].Start);
            Assert.Equal(template.Render(turns[..(i + 1)], false).Length, chat.AssistantSpans[n].End);
        }
    }

    [Fact]
    public void EncodeWithTrainedMask_LeavesOutTurnsThatAreNotTrained()
    {
        ChatTurn[] turns = [new("user", "q1"), new("assistant", "a1") { IsTrained = false }, new("user", "q2"), new("assistant", "a2")];
        ChatTemplate[] templates = [ChatTemplate.Parse(GemmaChatTemplate.Text, Bos), ChatTemplate.Load(TokenizerFixtures.SmallFolder)];
        foreach (var template in templates)
        {
            Assert.Equal("a2<end_of_turn>\n", Trained(template, assistantOnly: true));
            Assert.Equal(
                "<bos><start_of_turn>user\nq1<end_of_turn>\n<start_of_turn>user\nq2<end_of_turn>\n<start_of_turn>model\na2<end_of_turn>\n",
                Trained(template, assistantOnly: false));
        }

        string Trained(ChatTemplate template, bool assistantOnly)
        {
            var (ids, mask) = template.EncodeWithTrainedMask(TokenizerFixtures.Small, turns, assistantOnly);
            return TokenizerFixtures.Small.Decode([.. ids.Where((_, i) => mask[i])], skipSpecialTokens: false);
        }
    }

    [Fact]
    public void EncodeWithTrainedMask_RefusesAMessageWithoutATextOfItsOwn()
    {
        ChatTurn[] turns = [new("system", "s") { IsTrained = false }, new("user", "q"), new("assistant", "a")];
        var error = Assert.ThrowsAny<LapidaryException>(() =>
            ChatTemplate.Parse(GemmaChatTemplate.Text, Bos).EncodeWithTrainedMask(TokenizerFixtures.Small, turns, assistantOnly: false));
        Assert.Contains("message 1, role \"system\": expected a text of its own", error.Message, StringComparison.Ordinal);

        // Nor one that is written in two places.
        var twice = ChatTemplate.Parse(
            "{% for m in messages %}{{ m.role }};{% endfor %}{% for m in messages %}{{ m.content }};{% endfor %}", Bos);
        error = Assert.ThrowsAny<LapidaryException>(
            () => twice.EncodeWithTrainedMask(TokenizerFixtures.Small, turns, assistantOnly: false));
        Assert.Contains("message 1, role \"system\": expected a text of its own", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_NamesTheMessageThatTheTemplateRefuses()
    {
        var template = ChatTemplate.Parse(GemmaChatTemplate.Text, Bos);
        Assert.Contains("message 3, role \"tool\": Conversation roles must alternate", Message(
            new("user", "a"), new("assistant", "b"), new("tool", "c"), new("user", "d"), new("assistant", "e")), StringComparison.Ordinal);
        Assert.Contains(
            "message 1, role \"developer\": Conversation", Message(new("developer", "a"), new("user", "b")), StringComparison.Ordinal);

        string Message(params ChatTurn[] turns) => Assert.ThrowsAny<LapidaryException>(() => template.Render(turns, false)).Message;
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

            var error = Assert.ThrowsAny<LapidaryException>(() => template.Render(chat.Messages(), prompt));
            Assert.EndsWith(
                chat.Text("error")[(chat.Text("error").IndexOf(':', StringComparison.Ordinal) + 2)..], error.Message,
                StringComparison.Ordinal);
        }
    }

    private static List<JsonElement> Chats() => [.. TokenizerFixtures.Json("tokenizer/cases.json").GetProperty("chats").EnumerateArray()];
}
