namespace Lapidary.Jinja.Objects;

/// <summary>Arithmetic, concatenation and comparison.</summary>
internal static class Operators
{
    public static object? Apply(string op, object? left, object? right, Budget budget)
    {
        switch (op, left, right)
        {
            case ("~", _, _):
                return Concat(Values.ToText(left, budget), Values.ToText(right, budget), budget);
            case ("+", string a, string b):
                return Concat(a, b, budget);
            case ("+", List<object?> a, List<object?> b):
                budget.Charge(a.Count + b.Count);
                return (List<object?>)[.. a, .. b];
            case ("*", string text, _) when Values.AsInteger(right) is { } count:
                return Repeat(text, count, budget);
            case ("*", _, string text) when Values.AsInteger(left) is { } count:
                return Repeat(text, count, budget);
        }

        if (Values.AsInteger(left) is { } m && Values.AsInteger(right) is { } n && Integers(op, m, n) is { } exact) return exact;
        if (Values.AsNumber(left) is { } x && Values.AsNumber(right) is { } y) return Numbers(op, x, y);
        throw new JinjaException($"'{op}' is not possible between {Describe(left)} and {Describe(right)}");
    }

    public static bool Compare(string op, object? left, object? right, Budget budget) => op switch
    {
        "==" => Values.AreEqual(left, right, budget),
        "!=" => !Values.AreEqual(left, right, budget),
        "in" => Contains(right, left, budget),
        "not in" => !Contains(right, left, budget),
        "<" => Values.Compare(left, right, op) < 0,
        "<=" => Values.Compare(left, right, op) <= 0,
        ">" => Values.Compare(left, right, op) > 0,
        _ => Values.Compare(left, right, op) >= 0,
    };

    public static bool Contains(object? container, object? item, Budget budget)
    {
        switch (container)
        {
            case string text:
                budget.ChargeText(text.Length);
                if (item is not string part) throw new JinjaException($"'in' a string needs a string, found {Values.TypeName(item)}");
                return text.Contains(part, StringComparison.Ordinal);
            case Dictionary<string, object?> dict:
                return item is string key && dict.ContainsKey(key);
            default:
                foreach (var candidate in Values.Iterate(container, budget))
                {
                    if (Values.AreEqual(candidate, item, budget)) return true;
                }

                return false;
        }
    }

    /// <summary>Integer arithmetic in 64 bits; Python's has no limit, so beyond them is an error.</summary>
    public static long Checked(Func<long> operation)
    {
        try
        {
            return operation();
        }
        catch (OverflowException)
        {
            throw new JinjaException("an integer needs more than 64 bits");
        }
    }

    private static string Concat(string a, string b, Budget budget)
    {
        budget.ChargeText((long)a.Length + b.Length);
        return a + b;
    }

    private static string Repeat(string text, long count, Budget budget)
    {
        if (count <= 0 || text.Length == 0) return "";
        budget.ChargeText(checked(text.Length * Math.Min(count, Budget.MaxLength + 1L)));
        return new System.Text.StringBuilder().Insert(0, text, (int)count).ToString();
    }

    private static object? Integers(string op, long a, long b)
    {
        if (b == 0 && op is "//" or "%") throw new JinjaException("division by zero");
        return op switch
        {
            "+" => Checked(() => checked(a + b)),
            "-" => Checked(() => checked(a - b)),
            "*" => Checked(() => checked(a * b)),
            "//" => Checked(() => checked(a / b) - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0)),
            "%" => b == -1 ? 0L : ((a % b) + b) % b,
            "**" when b >= 0 => Power(a, b),
            _ => null,
        };
    }

    private static long Power(long value, long exponent) => Checked(() =>
    {
        if (value is 0 or 1 || exponent == 0) return exponent == 0 ? 1 : value;
        if (value == -1) return exponent % 2 == 0 ? 1 : -1;
        long power = 1;
        for (long i = 0; i < exponent; i++) power = checked(power * value);
        return power;
    });

    private static double Numbers(string op, double a, double b)
    {
        if (b == 0 && op is "/" or "//" or "%") throw new JinjaException("division by zero");
        return op switch
        {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            "/" => a / b,
            "//" => Math.Floor(a / b),
            "%" => a - (b * Math.Floor(a / b)),
            _ => Math.Pow(a, b),
        };
    }

    private static string Describe(object? value) =>
        value is Undefined undefined ? $"{undefined.Name}, which is undefined," : Values.TypeName(value);
}
