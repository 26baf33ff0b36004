using System.Diagnostics;
using System.Text.RegularExpressions;
using Lapidary.Jinja.Objects;
using Lapidary.Jinja.Parsing;
using Lapidary.Jinja.Rendering;
using Lapidary.Tests;

namespace Lapidary.Jinja.Tests;

/// <summary>Every primitive pays for what it reads and makes, so that no template runs long.</summary>
public partial class BudgetTests
{
    private const int Size = 1 << 17;

    /// <summary>What a template holds that is large: x, its equal y, one with characters outside the plane, lists and dicts.</summary>
    private static readonly Dictionary<string, object?> Large = MakeLarge();

    private static readonly string[] Arguments =
    [
        "", "(x)", "(y)", "('a')", "(x, x)", "('ab', x)", "('b', '')", "(attribute=x)", "('upper')", "('string')", "('role')", "(w)",
        "(' ', 3)", "(list)", "(4, true)", "('equalto', x)", "('in', x)", "('role', 'in', x)", "('lower')", "(sort_keys=true)",
        "(indent=4)",
    ];

    private static readonly string[] Others =
    [
        "not x", "-big", "+big", "x[0]", "w[0]", "w[-1]", "x[1:]", "w[1:]", "x[::-1]", "w[::-2]", "list[1:]", "list[::-1]", "list[5]",
        "d[x]", "d.k", "range(1000)", "dict(a=x)", "namespace(d)", "namespace(a=x)", "[x, x]", "{x: 1}", "missing[x]", "x ~ list",
        "list | tojson", "raise_exception(x)", "loop.cycle(x, y)", "deep == deep2", "deep | tojson", "deep ~ ''",
    ];

    /// <summary>A loop over a primitive reaches a small limit in a time that tells that the full limit is seconds away, not
    /// minutes.</summary>
    [Fact]
    public void Primitives_OfLargeOperands_PayForTheirTime()
    {
        const long Limit = 2_000_000;
        string[] operators = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"];
        string[] left = ["x", "w", "list", "texts", "d", "big", "ab", "abc"];
        string[] right = ["x", "y", "list", "texts2", "e", "big", "3", "abc", "ab"];
        string[] expressions =
        [
            .. Combine(["x", "w", "list", "texts", "d"], " | ", Names("Filters"), "", Arguments),
            .. Combine(["x", "w", "list", "texts"], " is ", Names("Tests"), "", ["", "(x)", "(y)", "(list)", "(texts2)"]),
            .. Combine(["x", "w", "d", "'ab'"], ".", Names("Methods"), "", [.. Arguments.Skip(1), "()"]),
            .. Combine(left, " ", operators, " ", right), .. Others,
        ];
        var slow = new List<string>();
        foreach (string expression in expressions)
        {
            const string Loop = "{% for i in range(1000) %}", End = "{% endfor %}";
            var template = Parser.Parse($"{Loop}{Loop}{{% if {expression} %}}{{% endif %}}{End}{End}");
            bool IsSlow()
            {
                var clock = Stopwatch.StartNew();
                Assert.ThrowsAny<Exception>(() => Interpreter.Render(template, Large, new Budget(Limit)));
                return clock.Elapsed > TimeSpan.FromSeconds(1);
            }

            // Some milliseconds, where the work is paid for; a busy machine may stop the test for a second, but not three times.
            if (IsSlow() && IsSlow() && IsSlow()) slow.Add(expression);
        }

        Assert.Empty(slow);
    }

    /// <summary>Reading a number takes some ten nanoseconds a digit: a loop over it took ten times what the limit is to be.</summary>
    [Theory]
    [InlineData("int")]
    [InlineData("float")]
    public void LongNumbers_PayForTheirDigits(string filter)
    {
        var budget = new Budget();
        Interpreter.Render(Parser.Parse($"{{{{ x | {filter} }}}}"), [new("x", new string('9', Size))], budget);
        Assert.InRange(budget.Work, 15L * Size, 50L * Size);
    }

    [Fact]
    public void Conversation_OfTenMegabytes_IsFarFromTheLimit()
    {
        string text = " " + string.Concat(Enumerable.Repeat("é🙂 word ", 186));
        var messages = Enumerable.Range(0, 6000).Select(i => (object?)new Dictionary<string, object?>
        {
            ["role"] = i % 2 == 0 ? "user" : "assistant",
            ["content"] = text,
        }).ToList();
        const string Source = """
            {% for m in messages %}{% if m.content is string and '</think>' in m.content %}x{% endif %}
            {{ '<|' + m.role + '|>' + m.content.split('</think>')[-1].strip() | trim + '\n' }}
            {% if not loop.first and messages[loop.index0 - 1].role == m.role %}{{ raise_exception('twice') }}{% endif %}
            {% endfor %}
            """;
        var budget = new Budget();
        var rendered = Interpreter.Render(Parser.Parse(Source), [new("messages", messages)], budget);
        Assert.True(rendered.Text.Length > 10_000_000);
        Assert.InRange(budget.Work, 0, Budget.MaxWork / 2);
    }

    [Fact]
    public void Errors_AreOneShortLine()
    {
        string[] templates =
        [
            "{{ raise_exception('\n\x1b[31m\u202e' * 1000000) }}", "{{ x.y[z * 1000000].a }}", "{{ ('a' * 1000000) + 1 }}",
            "{{ {}['b' * 1000000] + 1 }}", "{% set q = namespace()[z * 9999] %}{{ q.a }}", "{{ " + new string('9', 100_000) + " }}",
            "{{ 1 | " + new string('f', 200) + " }}", "{{ " + new string('n', 100_000) + " }}",
        ];
        Assert.All(templates, template =>
        {
            string message = Assert.Throws<JinjaException>(
                () => Template.Parse(template).Render([new("x", new Dictionary<string, object?>()), new("z", "\u2028z")])).Message;
            Assert.InRange(message.Length, 1, 2500);
            Assert.DoesNotContain(message, c => char.IsControl(c) || c is '\u202e' or '\u2028');
        });
    }

    private static IEnumerable<string> Combine(string[] left, string before, string[] names, string after, string[] right) =>
        left.SelectMany(value => names.SelectMany(name => right.Select(argument => value + before + name + after + argument)));

    /// <summary>The names that the sources know, so that a new one is under test at once.</summary>
    private static string[] Names(string builtins)
    {
        string source = File.ReadAllText(Path.Combine(Fixtures.Repository, "src", "Lapidary.Jinja", "Builtins", builtins + ".cs"));
        var labels = Labels().Matches(source).SelectMany(match => Word().Matches(match.Value)).Select(match => match.Groups[1].Value);
        string[] names = [.. labels.Distinct()];
        Assert.True(names.Length > 10);
        return names;
    }

    private static Dictionary<string, object?> MakeLarge()
    {
        List<object?> deep = ["x"], deep2 = ["x"];
        for (int i = 0; i < 60; i++) (deep, deep2) = ([deep, deep], [deep2, deep2]);
        return new()
        {
            ["x"] = new string('a', Size),
            ["y"] = new string('a', Size / 2) + new string('a', Size / 2),
            ["w"] = string.Concat(Enumerable.Repeat("é 🙂\n", Size / 5)),
            ["ab"] = string.Concat(Enumerable.Repeat("ab", Size / 2)),
            ["abc"] = string.Concat(Enumerable.Repeat("ab", Size / 8)) + "b",
            ["big"] = System.Numerics.BigInteger.Pow(3, 2000),
            ["list"] = Enumerable.Range(0, Size / 4).Select(i => (object?)(long)i).ToList(),
            ["texts"] = Enumerable.Range(0, 64).Select(i => (object?)(new string('a', Size / 8) + i)).ToList(),
            ["texts2"] = Enumerable.Range(1, 64).Select(i => (object?)(new string('a', Size / 8) + i)).ToList(),
            ["d"] = Enumerable.Range(0, Size / 8).ToDictionary(i => "k" + i, i => (object?)"v"),
            ["e"] = Enumerable.Range(0, Size / 8).ToDictionary(i => "k" + i, i => (object?)"v"),
            ["deep"] = deep,
            ["deep2"] = deep2,
        };
    }

    [GeneratedRegex("""(case "\w+"( or "\w+")*|^\s+"\w+"( or "\w+")* =>|is "\w+"( or "\w+")*)""", RegexOptions.Multiline)]
    private static partial Regex Labels();

    [GeneratedRegex("\"(\\w+)\"")]
    private static partial Regex Word();

    /// <summary>What each call costs: none is free, and the limit is the last that passes.</summary>
    [Fact]
    public void EveryCall_IsCounted()
    {
        var call = new CallArguments("f", ["abc"], new Dictionary<string, object?> { ["n"] = "abcd" });
        Assert.Equal(6, Work(budget => budget.Read("abc")));
        Assert.Equal(18, Work(budget => budget.Read("ab", call)));
        Assert.Equal(6, Work(budget => budget.ReadItems(3)));
        Assert.Equal(120, Work(budget => budget.MakeItems(3)));
        Assert.Equal(750, Work(budget => budget.MakeObjects(3)));
        Assert.Equal(24, Work(budget => budget.MakeText(3)));
        Assert.Equal(100 + (69 * 2), Work(budget => budget.Search(new string('a', 100), new string('a', 32))));
        Assert.True(Work(budget => budget.Sort(1000, 5000)) > 10 * 25_000);

        var small = new Budget(10);
        small.Charge(10);
        Assert.True(Assert.Throws<JinjaException>(() => small.Charge(1)).IsLimit);
        Budget.CheckLength(Budget.MaxLength);
        Assert.True(Assert.Throws<JinjaException>(() => Budget.CheckLength(Budget.MaxLength + 1)).IsLimit);
        Assert.True(Assert.Throws<JinjaException>(() => new Budget().MakeText(Budget.MaxLength + 1)).IsLimit);

        static long Work(Action<Budget> act)
        {
            var budget = new Budget();
            act(budget);
            return budget.Work;
        }
    }
}
