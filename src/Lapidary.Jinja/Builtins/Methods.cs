using Lapidary.Jinja.Objects;

namespace Lapidary.Jinja.Builtins;

/// <summary>Methods of strings, dicts and loops.</summary>
internal static class Methods
{
    public static object? Call(object? target, CallArguments call, Budget budget) => target switch
    {
        string text => OfString(text, call, budget),
        Dictionary<string, object?> dict => OfDict(dict, call, budget),
        LoopState loop when call.Function == "cycle" && call.Positional.Count > 0 => call.Positional[loop.Index0 % call.Positional.Count],
        _ => throw Unsupported(target, call),
    };

    private static object? OfString(string text, CallArguments call, Budget budget)
    {
        budget.ChargeText(text.Length);
        switch (call.Function)
        {
            case "strip": return Strip(text, call, true, true);
            case "lstrip": return Strip(text, call, true, false);
            case "rstrip": return Strip(text, call, false, true);
            case "upper": return text.ToUpperInvariant();
            case "lower": return text.ToLowerInvariant();
            case "title": return Text.Title(text);
            case "capitalize": return Text.Capitalize(text);
            case "startswith": return Any(call, part => text.StartsWith(part, StringComparison.Ordinal));
            case "endswith": return Any(call, part => text.EndsWith(part, StringComparison.Ordinal));
            case "split": return Split(text, call, budget);
            case "replace": return Replace(text, call.Expect("old", "new", "count"), budget);
            case "join": return Join(text, call.Expect("items").Get(0, "items", null), budget);
            case "find": return CodePointIndex(text, text.IndexOf(call.Text(0, "sub"), StringComparison.Ordinal));
            default: throw Unsupported(text, call);
        }
    }

    /// <summary>Removes whitespace, or the given characters, from the ends.</summary>
    public static string Strip(string text, CallArguments call, bool start, bool end)
    {
        string? characters = call.Expect("chars").Get(0, "chars", null) as string;
        int from = 0, to = text.Length;
        while (start && from < to && Strips(text[from])) from++;
        while (end && to > from && Strips(text[to - 1])) to--;
        return text[from..to];

        bool Strips(char c) => characters is null ? Text.IsSpace(c) : characters.Contains(c, StringComparison.Ordinal);
    }

    /// <summary>Replaces all, or the first count, occurrences.</summary>
    public static string Replace(string text, CallArguments call, Budget budget)
    {
        string old = call.Text(0, "old"), with = call.Text(1, "new");
        long count = call.Get(2, "count", null) is null ? -1 : call.Integer(2, "count", -1);
        if (old.Length == 0) throw call.Error("of an empty string is not supported");
        var result = new System.Text.StringBuilder();
        int from = 0;
        for (int at; count != 0 && (at = text.IndexOf(old, from, StringComparison.Ordinal)) >= 0; from = at + old.Length, count--)
        {
            result.Append(text, from, at - from).Append(with);
            Budget.CheckLength(result.Length);
        }

        result.Append(text, from, text.Length - from);
        budget.ChargeText(result.Length);
        return result.ToString();
    }

    /// <summary>The items as text with a separator between.</summary>
    public static string Join(string separator, object? items, Budget budget)
    {
        var result = new System.Text.StringBuilder();
        bool first = true;
        foreach (var item in Values.Iterate(items, budget))
        {
            string part = Values.ToText(item, budget);
            budget.ChargeText((long)separator.Length + part.Length + 16);
            Budget.CheckLength((long)result.Length + separator.Length + part.Length);
            if (!first) result.Append(separator);
            result.Append(part);
            first = false;
        }

        return result.ToString();
    }

    /// <summary>Pairs of a dict.</summary>
    public static List<object?> Items(Dictionary<string, object?> dict, Budget budget)
    {
        budget.Charge(dict.Count);
        return [.. dict.Select(pair => (object?)new TupleValue([pair.Key, pair.Value]))];
    }

    private static object? OfDict(Dictionary<string, object?> dict, CallArguments call, Budget budget)
    {
        budget.Charge(dict.Count);
        switch (call.Function)
        {
            case "items": return Items(dict, budget);
            case "keys": return (List<object?>)[.. dict.Keys];
            case "values": return (List<object?>)[.. dict.Values];
            case "get":
                return call.Expect("key", "default").Get(0, "key", null) is string key && dict.TryGetValue(key, out var value)
                    ? value
                    : call.Get(1, "default", null);
            default: throw Unsupported(dict, call);
        }
    }

    private static List<object?> Split(string text, CallArguments call, Budget budget)
    {
        call.Expect("sep", "maxsplit");
        long splits = call.Integer(1, "maxsplit", -1);
        string? separator = call.Get(0, "sep", null) as string;
        if (separator == "") throw call.Error("at an empty string is not possible");
        var parts = new List<object?>();
        int from = 0;
        while (true)
        {
            if (separator is null)
            {
                while (from < text.Length && Text.IsSpace(text[from])) from++;
                if (from == text.Length) return parts;
            }

            budget.Charge(1);
            int to = splits == 0 ? -1
                : separator is null ? IndexOfSpace(text, from)
                : text.IndexOf(separator, from, StringComparison.Ordinal);
            if (to < 0)
            {
                parts.Add(separator is null ? Text.TrimEnd(text[from..]) : text[from..]);
                return parts;
            }

            parts.Add(text[from..to]);
            from = to + (separator?.Length ?? 1);
            splits--;
        }
    }

    private static int IndexOfSpace(string text, int from)
    {
        while (from < text.Length && !Text.IsSpace(text[from])) from++;
        return from < text.Length ? from : -1;
    }

    private static bool Any(CallArguments call, Func<string, bool> matches)
    {
        if (call.Expect("prefix").Get(0, "prefix", null) is List<object?> parts) return parts.OfType<string>().Any(matches);
        return matches(call.Text(0, "prefix"));
    }

    private static long CodePointIndex(string text, int index) => index < 0 ? -1 : Text.Length(text[..index]);

    private static JinjaException Unsupported(object? target, CallArguments call) =>
        new($"method '{call.Function}' of {Values.TypeName(target)} is not supported");
}
