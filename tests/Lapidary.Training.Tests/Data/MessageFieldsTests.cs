using System.Text.Json;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Training.Tests.Data;

/// <summary>What a message has beside its role and content.</summary>
public class MessageFieldsTests
{
    private static readonly Dictionary<string, string> Bos = new() { ["bos_token"] = "<bos>" };

    /// <summary>expected.json is what jinja2 3.1.6 gives as transformers calls it.</summary>
    [Theory]
    [InlineData("toolcalls")]
    [InlineData("tools")]
    [InlineData("reason")]
    [InlineData("get")]
    public void Templates_SeeAllFieldsAsTransformersPassesThem(string name)
    {
        var row = Assert.IsType<MessagesRow>(DataSet.Load(Fixtures.Path("messages/row.jsonl")).Rows.Single());
        var template = ChatTemplate.Parse(File.ReadAllText(Fixtures.Path($"messages/{name}.jinja")), Bos);
        using var expected = JsonDocument.Parse(File.ReadAllText(Fixtures.Path("messages/expected.json")));
        Assert.Equal(expected.RootElement.GetProperty(name).GetString(), template.Render(row.Messages, false, row.TemplateVariables));
    }

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"chat_template_kwargs":{"mood":"calm"}}""", "user:a|calm||")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"chat_template_kwargs":"{\"mood\": 1.0}"}""", "user:a|1.0||")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"tools":"[{\"b\": 1, \"a\": null}]"}""", "user:a||[{'b': 1, 'a': None}]|")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"documents":[{"title":"t"}],"tools":null}""", "user:a|||t")]
    [InlineData("""{"conversations":[{"from":"observation","value":"a","name":"clock"}]}""", "observation:a||clock|")]
    [InlineData("""{"conversations":[{"from":"human","value":"a"}],"system":"s"}""", "system:suser:a|||")]
    [InlineData("""{"conversations":[{"from":"system","value":"t"},{"from":"human","value":"a"}],"system":"s"}""", "system:tuser:a|||")]
    [InlineData("""{"conversations":[{"from":"human","value":"a"}],"system":""}""", "user:a|||")]
    [InlineData("""{"messages":"[{\"role\":\"user\",\"content\":\"a\"}]"}""", "user:a|||")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"text","text":"a","mark":"m"}]}]}""", "user:am|||")]
    [InlineData("""{"messages":[{"role":"assistant","content":null,"tool_calls":[{"x":1}]}]}""", "assistant:||1|")]
    [InlineData("""{"messages":[{"role":"assistant","tool_calls":[{"x":1}]}]}""", "assistant:||1|")]
    public void Templates_SeeTheRowsVariables(string line, string expected)
    {
        const string Text = "{% for m in messages %}{{ m.role }}:{% if m.content is string or m.content is none %}{{ m.content }}"
            + "{% elif m.content is defined %}{{ m.content[0].text }}{{ m.content[0].mark }}{% endif %}{% endfor %}|{{ mood }}|"
            + "{% if tools %}{{ tools }}{% endif %}{{ messages[0].name }}{% if messages[0].tool_calls %}{{ messages[0].tool_calls[0].x }}"
            + "{% endif %}|{% if documents %}{{ documents[0].title }}{% endif %}";
        var row = Load(line);
        Assert.Equal(expected, ChatTemplate.Parse(Text, Bos).Render(row.Messages, false, row.TemplateVariables));
    }

    [Theory]
    [InlineData("""{"messages":[{"role":"assistant","content":null,"tool_calls":[]}]}""", "message 1 (\"assistant\"): expected content")]
    [InlineData("""{"messages":[{"role":"user","content":"a","weight":0.5}]}""", "message 1 (\"user\"): expected weight to be 0 or 1")]
    [InlineData(
        """{"messages":[{"role":"user","content":"a","train":"no"}]}""",
        "expected train to be 0 or 1, false or true, found a string")]
    [InlineData("""{"messages":[{"role":"user","content":"a"},{"role":"tool","content":5}]}""", "message 2 (\"tool\"): expected content")]
    [InlineData(
        """{"messages":[{"role":"user","content":"a"}],"tools":{}}""",
        "expected a list (or its JSON text) in \"tools\", found an object")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"chat_template_kwargs":{"messages":1}}""", "found \"messages\"; remove it")]
    [InlineData("""{"messages":[{"role":"user","content":"a","n":"\ud800"}]}""", "half of a surrogate pair")]
    public void Load_NamesTheMessageOfWhatCannotBeHonoured(string line, string expected) =>
        Assert.Contains(expected, Assert.Throws<LapidaryException>(() => Load(line)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("\"weight\": 0", false, "q|x·|r|y.")]
    [InlineData("\"weight\": 0", true, "x·y.")]
    [InlineData("\"train\": false", false, "q|x·|r|y.")]
    [InlineData("\"training\": false", true, "x·y.")]
    [InlineData("\"weight\": 1, \"train\": true", true, "x.y.")]
    [InlineData("\"weight\": 0.0", true, "x·y.")]
    public void Turns_ThatAreNotTrained_AreMasked(string field, bool assistantOnly, string expected)
    {
        string line = """{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"x",FIELD},"""
            + """{"role":"user","content":"r"},{"role":"assistant","content":"y"}]}""";
        var row = Load(line.Replace("FIELD", field, StringComparison.Ordinal));
        var encoder = Small();
        var options = TrlOptions.Default with { AssistantOnlyLoss = assistantOnly };
        var example = new ExampleBuilder(encoder, 2048, options).Build(new DataSet([row])).All().Single();
        string trained = string.Concat(example.InputIds.Select((id, i) => example.Labels[i] == Label.None ? "" : encoder.TokenText(id)));
        string x = expected.Contains("x.", StringComparison.Ordinal) ? "x<end_of_turn>\n" : "";
        Assert.Equal(
            assistantOnly
                ? x + "y<end_of_turn>\n"
                : "<bos><start_of_turn>user\nq<end_of_turn>\n<start_of_turn>user\nr<end_of_turn>\n<start_of_turn>model\ny<end_of_turn>\n",
            trained);
    }

    [Fact]
    public void Rows_WithRolesThatTheTemplateRefuses_NameRowMessageAndRole()
    {
        using var file = new TemporaryFile("a.jsonl", """
            {"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}
            {"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"system","content":"c"}]}
            """);
        var error = Assert.Throws<LapidaryException>(
            () => new ExampleBuilder(Small(), 2048, TrlOptions.Default).Build(DataSet.Load(file.Name)));
        Assert.Contains("a.jsonl line 2: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("message 3, role \"system\": Conversation roles must alternate", error.Message, StringComparison.Ordinal);
    }

    private static GemmaTextEncoder Small() =>
        new(Tokenizer.Load(Fixtures.SmallTokenizer), ChatTemplate.Load(Fixtures.SmallTokenizer));

    private static MessagesRow Load(string line)
    {
        using var file = new TemporaryFile("a.jsonl", line);
        return (MessagesRow)DataSet.Load(file.Name).Rows.Single();
    }
}
