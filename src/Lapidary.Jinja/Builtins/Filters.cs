using System.Globalization;
using System.Numerics;
using Lapidary.Jinja.Objects;

namespace Lapidary.Jinja.Builtins;

/// <summary>Filters, which follow "|".</summary>
internal static class Filters
{
    private const int MaxDigits = 1300;

    public static object? Apply(string name, object? value, CallArguments call, Budget budget)
    {
        budget.Read(value, call);
        switch (name)
        {
            case "default" or "d":
                call.Expect("default_value", "boolean");
                bool missing = value is Undefined || (Values.IsTrue(call.Get(1, "boolean", false)) && !Values.IsTrue(value));
                return missing ? call.Get(0, "default_value", "") : value;
            case "length" or "count": return Length(value);
            case "first" or "last": return End(Values.Iterate(value, budget), name);
            case "list": return Copy(Values.Iterate(value, budget), budget);
            case "reverse": return Reverse(value, budget);
            case "join":
                var parts = call.Get(1, "attribute", null) is string key ? Map(value, Attribute(key, budget), budget) : value;
                return Methods.Join(call.Expect("d", "attribute").Text(0, "d", ""), parts, budget);
            case "tojson": return JsonText.Write(value, call, budget);
            case "items": return value is Undefined ? new List<object?>() : Methods.Items(Dict(name, value), budget);
            case "dictsort":
                var sorted = Dict(name, value);
                budget.Sort(sorted.Count, sorted.Keys.Sum(key => (long)key.Length));
                return Methods.Items(sorted, budget)
                    .OrderBy(pair => ((string)((List<object?>)pair!)[0]!).ToLowerInvariant(), StringComparer.Ordinal).ToList();
            case "int": return Integer(value, call, budget);
            case "float": return Float(value, call, budget);
            case "abs" when value is double real: return Math.Abs(real);
            case "abs": return Operators.Normal(BigInteger.Abs(Values.AsBig(value) ?? throw Needs(name, "a number", value)));
            case "map": return MapItems(value, call, budget);
            case "select" or "reject": return Select(value, item => item, call, 0, name == "select", budget);
            case "selectattr" or "rejectattr":
                return Select(value, Attribute(call.Text(0, "attribute"), budget), call, 1, name == "selectattr", budget);
        }

        return OfText(name, Values.ToText(value, budget), call, budget);
    }

    private static string OfText(string name, string text, CallArguments call, Budget budget)
    {
        if (name is not ("string" or "safe" or "trim")) budget.MakeText(text.Length);
        return name switch
        {
            "string" or "safe" => text,
            "trim" => Methods.Strip(text, call, true, true, budget),
            "upper" => text.ToUpperInvariant(),
            "lower" => text.ToLowerInvariant(),
            "title" => Text.Title(text),
            "capitalize" => Text.Capitalize(text),
            "replace" => Methods.Replace(text, call.Expect("old", "new", "count"), budget),
            "indent" => Indent(text, call.Expect("width", "first", "blank"), budget),
            _ => throw new JinjaException($"filter '{name}' is not supported"),
        };
    }

    private static long Length(object? value) => value switch
    {
        string text => Text.Length(text),
        List<object?> list => list.Count,
        Dictionary<string, object?> dict => dict.Count,
        Undefined => 0,
        _ => throw Needs("length", "a string, list or dict", value),
    };

    private static object? End(List<object?> items, string name)
    {
        if (items.Count == 0) return new Undefined($"{name} of nothing");
        return name == "first" ? items[0] : items[^1];
    }

    private static List<object?> Copy(List<object?> items, Budget budget)
    {
        budget.MakeItems(items.Count);
        return [.. items];
    }

    private static object? Reverse(object? value, Budget budget)
    {
        var items = Copy(Values.Iterate(value, budget), budget);
        items.Reverse();
        if (value is not string text) return items;
        budget.MakeText(text.Length);
        return string.Concat(items);
    }

    // int(value), else int(float(value)), else the default, as Jinja2 has it.
    private static object? Integer(object? value, CallArguments call, Budget budget)
    {
        budget.ParseNumber(value);
        if (Values.AsBig(value) is { } integer) return Operators.Normal(integer);
        if (value is string text)
        {
            bool isInteger = BigInteger.TryParse(
                text.Length <= MaxDigits ? text.Trim() : "", NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var parsed);
            if (isInteger) return Operators.Normal(parsed);
            value = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double real) ? real : null;
        }

        return value is double number && double.IsFinite(number) ? Operators.Normal(new BigInteger(number)) : call.Get(0, "default", 0L);
    }

    private static object? Float(object? value, CallArguments call, Budget budget)
    {
        budget.ParseNumber(value);
        if (Values.AsNumber(value) is { } number) return number;
        return value is string text && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double parsed)
            ? parsed
            : call.Get(0, "default", 0.0);
    }

    private static Dictionary<string, object?> Dict(string filter, object? value) =>
        value as Dictionary<string, object?> ?? throw Needs(filter, "a dict", value);

    private static List<object?> MapItems(object? value, CallArguments call, Budget budget)
    {
        if (call.Named.TryGetValue("attribute", out var attribute))
        {
            var otherwise = call.Named.GetValueOrDefault("default");
            bool hasDefault = call.Named.ContainsKey("default");
            var find = Attribute(attribute as string ?? "", budget);
            return Map(value, OfItem, budget);

            object? OfItem(object? item)
            {
                var found = find(item);
                return found is Undefined && hasDefault ? otherwise : found;
            }
        }

        string filter = call.Text(0, "filter");
        var rest = new CallArguments(filter, call.Positional[1..], call.Named);
        return Map(value, item => Apply(filter, item, rest, budget), budget);
    }

    private static List<object?> Map(object? value, Func<object?, object?> function, Budget budget)
    {
        var items = Values.Iterate(value, budget);
        budget.MakeItems(items.Count);
        return items.ConvertAll(item => function(item));
    }

    private static List<object?> Select(
        object? value, Func<object?, object?> subject, CallArguments call, int testIndex, bool keep, Budget budget)
    {
        string? test = call.Positional.Count > testIndex ? call.Text(testIndex, "test") : null;
        var rest = new CallArguments(test ?? "", test is null ? [] : call.Positional[(testIndex + 1)..], call.Named);
        var items = Values.Iterate(value, budget);
        budget.MakeItems(items.Count);
        return items.FindAll(item =>
            (test is null ? Values.IsTrue(subject(item)) : Tests.Apply(test, subject(item), rest, budget)) == keep);
    }

    // "a.b" reaches into nested dicts.
    private static Func<object?, object?> Attribute(string path, Budget budget)
    {
        string[] names = path.Split('.');
        budget.MakeObjects(names.Length);
        return item =>
        {
            foreach (string name in names)
            {
                budget.Charge(Budget.Lookup);
                budget.Read(name);
                if (item is Undefined undefined) throw new JinjaException($"{undefined.Name} is undefined");
                if (item is Dictionary<string, object?> dict && dict.TryGetValue(name, out var value))
                {
                    item = value;
                    continue;
                }

                budget.MakeObjects(1);
                item = new Undefined($"'{name}' of {Values.TypeName(item)}");
            }

            return item;
        };
    }

    private static string Indent(string text, CallArguments call, Budget budget)
    {
        string margin = call.Get(0, "width", 4L) as string ?? new string(' ', (int)Math.Clamp(call.Integer(0, "width", 4), 0, 1000));
        bool blank = Values.IsTrue(call.Get(2, "blank", false));
        long breaks = Text.Count(text, '\n');
        budget.MakeObjects(breaks);
        budget.MakeText(text.Length + ((breaks + 1) * margin.Length));
        string[] lines = text.Split('\n');
        int start = Values.IsTrue(call.Get(1, "first", false)) ? 0 : 1;
        for (int i = start; i < lines.Length; i++)
        {
            if (blank || lines[i].Length > 0 || i == 0) lines[i] = margin + lines[i];
        }

        return string.Join('\n', lines);
    }

    private static JinjaException Needs(string filter, string expected, object? found) =>
        new($"filter '{filter}' needs {expected}, found {Values.TypeName(found)}");
}
