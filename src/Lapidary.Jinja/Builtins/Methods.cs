using Lapidary.Jinja.Objects;

namespace Lapidary.Jinja.Builtins;

/// <summary>Methods of strings, dicts and loops.</summary>
internal static class Methods
{
    public static object? Call(object? target, CallArguments call, Budget budget)
    {
        budget.Read(target, call);
        return target switch
        {
            string text => OfString(text, call, budget),
            Dictionary<string, object?> dict => OfDict(dict, call, budget),
            LoopState loop when call.Function == "cycle" && call.Positional.Count > 0 =>
                call.Positional[loop.Index0 % call.Positional.Count],
            _ => throw Unsupported(target, call),
        };
    }

    private static object? OfString(string text, CallArguments call, Budget budget)
    {
        if (call.Function is "upper" or "lower" or "title" or "capitalize") budget.MakeText(text.Length);
        switch (call.Function)
        {
            case "strip": return Strip(text, call, true, true, budget);
            case "lstrip": return Strip(text, call, true, false, budget);
            case "rstrip": return Strip(text, call, false, true, budget);
            case "upper": return text.ToUpperInvariant();
            case "lower": return text.ToLowerInvariant();
            case "title": return Text.Title(text);
            case "capitalize": return Text.Capitalize(text);
            case "startswith": return Any(call, part => text.StartsWith(part, StringComparison.Ordinal), budget);
            case "endswith": return Any(call, part => text.EndsWith(part, StringComparison.Ordinal), budget);
            case "split": return Split(text, call, budget);
            case "replace": return Replace(text, call.Expect("old", "new", "count"), budget);
            case "join": return Join(text, call.Expect("items").Get(0, "items", null), budget);
            case "find":
                budget.Search(text, call.Text(0, "sub"));
                return CodePointIndex(text, text.IndexOf(call.Text(0, "sub"), StringComparison.Ordinal));
            default: throw Unsupported(text, call);
        }
    }

    /// <summary>Removes whitespace, or the given characters, from the ends.</summary>
    public static string Strip(string text, CallArguments call, bool start, bool end, Budget budget)
    {
        string? characters = call.Expect("chars").Get(0, "chars", null) as string;
        var set = characters is null ? null : new HashSet<char>();
        if (characters?.Length > 0) budget.MakeItems(characters.Length);
        set?.UnionWith(characters!);
        int from = 0, to = text.Length;
        while (start && from < to && Strips(text[from])) from++;
        while (end && to > from && Strips(text[to - 1])) to--;
        if (to - from < text.Length) budget.MakeText(to - from);
        budget.Charge(5L * (text.Length - (to - from)));
        return text[from..to];

        bool Strips(char c) => set?.Contains(c) ?? Text.IsSpace(c);
    }

    /// <summary>Replaces all, or the first count, occurrences.</summary>
    public static string Replace(string text, CallArguments call, Budget budget)
    {
        string old = call.Text(0, "old"), with = call.Text(1, "new");
        long count = call.Get(2, "count", null) is null ? -1 : call.Integer(2, "count", -1);
        if (old.Length == 0) throw call.Error("of an empty string is not supported");
        budget.Search(text, old);
        var result = new System.Text.StringBuilder();
        int from = 0;
        for (int at; count != 0 && (at = text.IndexOf(old, from, StringComparison.Ordinal)) >= 0; from = at + old.Length, count--)
        {
            int length = at - from + with.Length;
            budget.Charge(Budget.Lookup);
            budget.MakeText(length);
            Budget.CheckLength((long)result.Length + length);
            result.Append(text, from, at - from).Append(with);
        }

        if (from == 0) return text;
        budget.MakeText(result.Length + (text.Length - from));
        return result.Append(text, from, text.Length - from).ToString();
    }

    /// <summary>The items as text with a separator between.</summary>
    public static string Join(string separator, object? items, Budget budget)
    {
        var result = new System.Text.StringBuilder();
        bool first = true;
        foreach (var item in Values.Iterate(items, budget))
        {
            string part = Values.ToText(item, budget);
            budget.Charge(Budget.Lookup);
            budget.MakeText((long)separator.Length + part.Length);
            Budget.CheckLength((long)result.Length + separator.Length + part.Length);
            if (!first) result.Append(separator);
            result.Append(part);
            first = false;
        }

        budget.MakeText(result.Length);
        return result.ToString();
    }

    /// <summary>Pairs of a dict.</summary>
    public static List<object?> Items(Dictionary<string, object?> dict, Budget budget)
    {
        budget.MakeObjects(dict.Count);
        return [.. dict.Select(pair => (object?)new TupleValue([pair.Key, pair.Value]))];
    }

    private static object? OfDict(Dictionary<string, object?> dict, CallArguments call, Budget budget)
    {
        if (call.Function is "keys" or "values") budget.MakeItems(dict.Count);
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
        if (separator is not null) budget.Search(text, separator);
        var parts = new List<object?>();
        int from = 0;
        while (true)
        {
            if (separator is null)
            {
                while (from < text.Length && Text.IsSpace(text[from])) from++;
                if (from == text.Length) return parts;
            }

            budget.MakeObjects(1);
            int to = splits == 0 ? -1
                : separator is null ? IndexOfSpace(text, from)
                : text.IndexOf(separator, from, StringComparison.Ordinal);
            budget.MakeText((to < 0 ? text.Length : to) - from);
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

    private static bool Any(CallArguments call, Func<string, bool> matches, Budget budget)
    {
        if (call.Expect("prefix").Get(0, "prefix", null) is List<object?> parts)
        {
            return Values.Iterate(parts, budget).OfType<string>().Any(part =>
            {
                budget.Read(part);
                return matches(part);
            });
        }

        return matches(call.Text(0, "prefix"));
    }

    private static long CodePointIndex(string text, int index) => index < 0 ? -1 : Text.Length(text.AsSpan(0, index));

    private static JinjaException Unsupported(object? target, CallArguments call) =>
        new($"method '{call.Function}' of {Values.TypeName(target)} is not supported");
}
