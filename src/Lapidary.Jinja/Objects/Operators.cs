using System.Numerics;

namespace Lapidary.Jinja.Objects;

/// <summary>Arithmetic, concatenation and comparison.</summary>
internal static class Operators
{
    /// <summary>Python's integers have no limit; these have one that no chat template reaches.</summary>
    private const int MaxBits = 4096;

    public static object? Apply(string op, object? left, object? right, Budget budget)
    {
        budget.Read(left);
        budget.Read(right);
        switch (op, left, right)
        {
            case ("~", _, _):
                return Concat(Values.ToText(left, budget), Values.ToText(right, budget), budget);
            case ("+", string a, string b):
                return Concat(a, b, budget);
            case ("+", List<object?> a, List<object?> b):
                budget.MakeItems((long)a.Count + b.Count);
                return (List<object?>)[.. a, .. b];
            case ("*", string text, _) when Values.AsInteger(right) is { } count:
                return Repeat(text, count, budget);
            case ("*", _, string text) when Values.AsInteger(left) is { } count:
                return Repeat(text, count, budget);
        }

        if (Values.AsBig(left) is { } m && Values.AsBig(right) is { } n && Integers(op, m, n, budget) is { } exact) return Normal(exact);
        if (Values.AsNumber(left) is { } x && Values.AsNumber(right) is { } y) return Numbers(op, x, y);
        throw new JinjaException($"'{op}' is not possible between {Describe(left)} and {Describe(right)}");
    }

    public static bool Compare(string op, object? left, object? right, Budget budget)
    {
        budget.Read(left);
        budget.Read(right);
        return op switch
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
    }

    /// <summary>"not", "-" and "+" before a value.</summary>
    public static object? Unary(string op, object? value, Budget budget)
    {
        budget.Read(value);
        if (op == "not") return !Values.IsTrue(value);
        if (Values.AsBig(value) is { } integer) return Normal(op == "-" ? -integer : integer);
        if (value is double number) return op == "-" ? -number : number;
        throw new JinjaException($"'{op}' needs a number, found {Values.TypeName(value)}");
    }

    /// <summary>An integer as templates hold it: 64 bits where they are enough.</summary>
    public static object Normal(BigInteger value)
    {
        if (value >= long.MinValue && value <= long.MaxValue) return (long)value;
        return value.GetBitLength() <= MaxBits ? value : throw TooLarge();
    }

    private static bool Contains(object? container, object? item, Budget budget)
    {
        switch (container)
        {
            case string text:
                if (item is not string part) throw new JinjaException($"'in' a string needs a string, found {Values.TypeName(item)}");
                budget.Search(text, part);
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

    private static string Concat(string a, string b, Budget budget)
    {
        if (a.Length == 0) return b;
        if (b.Length == 0) return a;
        budget.MakeText((long)a.Length + b.Length);
        return a + b;
    }

    private static string Repeat(string text, long count, Budget budget)
    {
        if (count <= 0 || text.Length == 0) return "";
        budget.MakeText(text.Length * Math.Min(count, Budget.MaxLength + 1L));
        return new System.Text.StringBuilder().Insert(0, text, (int)count).ToString();
    }

    private static BigInteger? Integers(string op, BigInteger a, BigInteger b, Budget budget)
    {
        budget.Charge(a.GetBitLength() + b.GetBitLength());
        if (b.IsZero && op is "//" or "%") throw new JinjaException("division by zero");
        switch (op)
        {
            case "+": return a + b;
            case "-": return a - b;
            case "*": return a * b;
            case "//":
                var quotient = BigInteger.DivRem(a, b, out var rest);
                return rest.IsZero || rest.Sign == b.Sign ? quotient : quotient - 1;
            case "%":
                var remainder = a % b;
                return remainder.IsZero || remainder.Sign == b.Sign ? remainder : remainder + b;
            case "**" when b.Sign >= 0: return Power(a, b, budget);
            default: return null;
        }
    }

    private static BigInteger Power(BigInteger value, BigInteger exponent, Budget budget)
    {
        if (value.IsZero || value.IsOne || exponent.IsZero) return exponent.IsZero ? 1 : value;
        if (value == BigInteger.MinusOne) return exponent.IsEven ? 1 : -1;
        if (exponent > MaxBits || value.GetBitLength() * exponent > 2 * MaxBits) throw TooLarge();
        budget.Charge(4 * MaxBits);
        return BigInteger.Pow(value, (int)exponent);
    }

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

    private static JinjaException TooLarge() => new($"an integer needs more than {MaxBits} bits");

    private static string Describe(object? value) =>
        value is Undefined undefined ? $"{undefined.Name}, which is undefined," : Values.TypeName(value);
}
