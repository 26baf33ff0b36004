using System.Text.Json;
using Lapidary.Tests;

namespace Lapidary.Jinja.Tests;

public class TemplateTests
{
    /// <summary>A conversation, as chat templates get it.</summary>
    private static readonly Dictionary<string, object?> Chat = new()
    {
        ["bos_token"] = "<bos>",
        ["messages"] = new List<object?> { Message("user", "hello"), Message("assistant", "there") },
    };

    [Fact]
    public void Render_MatchesPythonJinja()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Path("jinja-cases.json")));
        var fixture = document.RootElement;
        var variables = (Dictionary<string, object?>)ToValue(fixture.GetProperty("variables"))!;
        var wrong = new List<string>();
        foreach (var example in fixture.GetProperty("cases").EnumerateArray())
        {
            string template = example.GetProperty("template").GetString()!;
            string? expected = example.TryGetProperty("output", out var output) ? output.GetString() : null, actual = null;
            string error = "";
            try
            {
                actual = Template.Parse(template).Render(variables).Text;
            }
            catch (JinjaException exception)
            {
                error = exception.Message;
            }

            if (expected == actual) continue;
            expected ??= "error " + example.GetProperty("error").GetString();
            wrong.Add($"{template}\n  expected: {expected}\n  actual:   {actual ?? "error " + error}");
        }

        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Fact]
    public void Render_ReportsGenerationBlocks()
    {
        var template = Template.Parse("{% for m in messages %}[{% generation %}{{ m.content }}{% endgeneration %}]{% endfor %}");
        var rendered = template.Render(Chat);
        Assert.Equal("[hello][there]", rendered.Text);
        Assert.Equal([new TextSpan(1, 6), new TextSpan(8, 13)], rendered.Generations);
    }

    [Theory]
    [InlineData("a\n{% include 'x' %}", 2, "include")]
    [InlineData("{% block b %}", 1, "block")]
    [InlineData("{{ strftime_now('%Y') }}", 1, "strftime_now")]
    [InlineData("{{ unknown_function(1) }}", 1, "unknown_function")]
    [InlineData("\n\n{{ 1 | nofilter }}", 3, "nofilter")]
    [InlineData("{{ 1 is notest }}", 1, "notest")]
    [InlineData("{{ 'a'.nomethod() }}", 1, "nomethod")]
    [InlineData("{{ 2 ** 5000 }}", 1, "4096 bits")]
    [InlineData("{{ raise_exception('two\nlines') }}", 1, "two lines")]
    [InlineData("x\n{% if true %}\n", 2, "endif")]
    public void Render_NamesLineAndConstruct(string template, int line, string named)
    {
        var error = Assert.Throws<JinjaException>(() => Template.Parse(template).Render(Chat));
        Assert.Equal(line, error.Line);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}")]
    [InlineData("{% set ns = namespace(s='x') %}{% for a in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}")]
    [InlineData("{% set ns = namespace(s=['x']) %}{% for a in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}")]
    [InlineData("{% set ns = namespace(s=['x']) %}{% for a in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}")]
    [InlineData(
        "{% set ns = namespace(s=['x']) %}{% for a in range(90) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}"
        + "{{ ns.s | tojson(indent=99) }}")]
    [InlineData("{% set ns = namespace(s=[]) %}{% for a in range(900000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}")]
    [InlineData(
        "{% set ns = namespace(s=[], t=[]) %}{% for a in range(900000) %}{% set ns.s = [ns.s] %}{% set ns.t = [ns.t] %}{% endfor %}"
        + "{{ ns.s == ns.t }}")]
    [InlineData("{{ 'x' * 99999999999999 }}")]
    [InlineData("{{ 'xxxxxxxx'.replace('x', 'y' * 4000000) }}")]
    [InlineData(
        ""
        + "{{ (['y' * 4000000] * 8) | join }}{{ ['y' * 4000000, 'y' * 4000000, 'y' * 4000000, 'y' * 4000000, 'y' * 4000000] | join }}")]
    [InlineData("{{ range(99999999999) }}")]
    [InlineData("{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}")]
    [InlineData("{% for c in 'x' * 16000000 %}{% endfor %}")]
    public void Render_OfAHostileTemplate_Ends(string template) =>
        Assert.Throws<JinjaException>(() => Template.Parse(template).Render(Chat));

    [Theory]
    [InlineData("(", "{{ ", "")]
    [InlineData("[", "{{ ", "")]
    [InlineData("not ", "{{ ", "")]
    [InlineData("-", "{{ ", "")]
    [InlineData("1 + ", "{{ ", "1 }}")]
    [InlineData("1 if 1 else ", "{{ ", "1 }}")]
    [InlineData(".a", "{{ a", " }}")]
    [InlineData("[0]", "{{ a", " }}")]
    [InlineData("|list", "{{ a", " }}")]
    [InlineData("{% if 1 %}", "", "")]
    [InlineData("{% for a in b %}", "", "")]
    [InlineData("{% macro m() %}", "", "")]
    public void Parse_OfADeepTemplate_IsRefused(string unit, string before, string after) =>
        Assert.Throws<JinjaException>(() => Template.Parse(before + string.Concat(Enumerable.Repeat(unit, 20_000)) + after));

    [Fact]
    public void Render_OfRandomTemplates_FailsOnlyWithJinjaException()
    {
        string[] parts =
        [
            "{{ ", " }}", "{% ", " %}", "{%- ", "-%}", "{# ", "#}", "if ", "for ", " in ", "endif", "endfor", "else", "set ", "x", " = ",
            "messages", ".", "role", "[", "]", "(", ")", "'", "\"", "1", "-", "|", "length", "tojson", "join", " is ", "string", "+",
            "~", "namespace", ",", ":", "not ", "macro ", "endmacro", "loop", "\n", " ", "\\", "{", "}", "**", "range", "99",
            "generation", "%",
        ];
        var random = new Random(5);
        int rendered = 0;
        for (int i = 0; i < 4000; i++)
        {
            try
            {
                var text = Enumerable.Range(0, random.Next(1, 25)).Select(_ => parts[random.Next(parts.Length)]);
                Template.Parse(string.Concat(text)).Render(Chat);
                rendered++;
            }
            catch (JinjaException)
            {
                // The only exception a template may cause.
            }
        }

        Assert.InRange(rendered, 100, 3900);
    }

    private static Dictionary<string, object?> Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    private static object? ToValue(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().ToDictionary(pair => pair.Name, pair => ToValue(pair.Value)),
        JsonValueKind.Array => element.EnumerateArray().Select(ToValue).ToList(),
        JsonValueKind.String => element.GetString(),
        JsonValueKind.Number => element.GetRawText().Contains('.', StringComparison.Ordinal)
            ? (object)element.GetDouble()
            : element.GetInt64(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };
}
