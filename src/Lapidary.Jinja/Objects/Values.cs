using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;
using Lapidary.Formats.Files;

namespace Lapidary.Jinja.Objects;

/// <summary>The value of a missing name or attribute: it prints as nothing and is false, but has no attributes.</summary>
internal sealed record Undefined
{
    private const int MaxNameLength = 100;

    public Undefined(string name) => Name = name.Length <= MaxNameLength ? name : name[..MaxNameLength] + "…";

    public string Name { get; }
}

/// <summary>The object that namespace() makes: the only one whose attributes a template can set.</summary>
internal sealed class Namespace
{
    public Dictionary<string, object?> Attributes { get; } = new(StringComparer.Ordinal);
}

/// <summary>A tuple: a list that prints in parentheses.</summary>
internal sealed class TupleValue(IEnumerable<object?> items) : List<object?>(items);

/// <summary>Something that a template can call.</summary>
internal abstract record Callable;

/// <summary>A function of the environment, such as raise_exception.</summary>
internal sealed record Builtin(string Name) : Callable;

/// <summary>Values of a template: null (None), <see cref="Undefined"/>, bool, long, <see cref="BigInteger"/> beyond it, double, string,
/// List&lt;object?&gt;, Dictionary&lt;string, object?&gt; (in insertion order), and the objects above. Rules and printed forms are
/// Python's.</summary>
internal static class Values
{
    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        long integer => integer != 0,
        double number => number != 0,
        string text => text.Length > 0,
        List<object?> list => list.Count > 0,
        Dictionary<string, object?> dict => dict.Count > 0,
        _ => true,
    };

    public static string TypeName(object? value) => value switch
    {
        null => "None",
        Undefined => "undefined",
        bool => "a boolean",
        long or BigInteger => "an integer",
        double => "a float",
        string => "a string",
        List<object?> => "a list",
        Dictionary<string, object?> => "a dict",
        Namespace => "a namespace",
        _ => "a function",
    };

    /// <summary>Equality of Python: numbers and booleans by value, lists and dicts by content.</summary>
    public static bool AreEqual(object? a, object? b, Budget budget)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        budget.Charge(Budget.Lookup);
        switch (a, b)
        {
            case (null, null): return true;
            case (Undefined, Undefined): return true;
            case (string x, string y):
                if (x.Length != y.Length) return false;
                budget.Read(x);
                return x == y;
            case (List<object?> x, List<object?> y):
                if (x.Count != y.Count || (x is TupleValue) != (y is TupleValue)) return false;
                for (int i = 0; i < x.Count; i++)
                {
                    if (!AreEqual(x[i], y[i], budget)) return false;
                }

                return true;
            case (Dictionary<string, object?> x, Dictionary<string, object?> y):
                if (x.Count != y.Count) return false;
                foreach (var (key, value) in x)
                {
                    budget.Charge(Budget.Node);
                    budget.Read(key);
                    if (!y.TryGetValue(key, out var other) || !AreEqual(value, other, budget)) return false;
                }

                return true;
            default:
                if (AsBig(a) is { } m && AsBig(b) is { } n) return m == n;
                if (AsNumber(a) is { } p && AsNumber(b) is { } q) return p == q;
                return a is not null && ReferenceEquals(a, b);
        }
    }

    /// <summary>Order of numbers or of strings by code point.</summary>
    public static int Compare(object? a, object? b, string op)
    {
        if (a is string x && b is string y) return CompareCodePoints(x, y);
        if (AsBig(a) is { } m && AsBig(b) is { } n) return m.CompareTo(n);
        if (AsNumber(a) is { } p && AsNumber(b) is { } q) return p.CompareTo(q);
        throw new JinjaException($"'{op}' cannot compare {TypeName(a)} and {TypeName(b)}");
    }

    /// <summary>An integer of at most 64 bits, or a boolean as 0 or 1.</summary>
    public static long? AsInteger(object? value) => value switch
    {
        long integer => integer,
        bool flag => flag ? 1 : 0,
        _ => null,
    };

    /// <summary>An integer of any size, or a boolean as 0 or 1.</summary>
    public static BigInteger? AsBig(object? value) => value is BigInteger big ? big : AsInteger(value);

    public static double? AsNumber(object? value) => value switch
    {
        double number => number,
        BigInteger big => (double)big,
        _ => AsInteger(value),
    };

    /// <summary>The items that a for visits.</summary>
    public static List<object?> Iterate(object? value, Budget budget)
    {
        switch (value)
        {
            case List<object?> list:
                budget.ReadItems(list.Count);
                return list;
            case Undefined: return [];
            case string text:
                budget.MakeItems(4L * text.Length); // a string object per character
                return Text.Characters(text);
            case Dictionary<string, object?> dict:
                budget.MakeItems(dict.Count);
                return [.. dict.Keys];
            default: throw new JinjaException($"{TypeName(value)} is not iterable");
        }
    }

    /// <summary>str() of Python.</summary>
    public static string ToText(object? value, Budget budget)
    {
        if (value is string text) return text;
        if (value is Undefined) return "";
        if (value is long integer) return IntegerText(integer, budget);
        budget.MakeObjects(1);
        var output = new StringBuilder();
        AppendRepr(output, value, budget);
        return output.ToString();
    }

    private static string IntegerText(long integer, Budget budget)
    {
        budget.MakeObjects(1);
        return integer.ToString(CultureInfo.InvariantCulture);
    }

    private static void AppendRepr(StringBuilder output, object? value, Budget budget)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        budget.Charge(Budget.Node);
        Budget.CheckLength(output.Length);
        switch (value)
        {
            case null: output.Append("None"); break;
            case bool flag: output.Append(flag ? "True" : "False"); break;
            case long integer: output.Append(integer); break;
            case BigInteger integer: AppendBig(output, integer, budget); break;
            case double number: output.Append(FloatText(number)); break;
            case string text: AppendQuoted(output, text, budget); break;
            case Undefined: output.Append("Undefined"); break;
            case List<object?> list:
                bool tuple = list is TupleValue;
                output.Append(tuple ? '(' : '[');
                for (int i = 0; i < list.Count; i++)
                {
                    if (i > 0) output.Append(", ");
                    AppendRepr(output, list[i], budget);
                }

                if (tuple && list.Count == 1) output.Append(',');
                output.Append(tuple ? ')' : ']');
                break;
            case Dictionary<string, object?> dict:
                output.Append('{');
                foreach (var (key, item) in dict)
                {
                    if (output[^1] != '{') output.Append(", ");
                    AppendQuoted(output, key, budget);
                    output.Append(": ");
                    AppendRepr(output, item, budget);
                }

                output.Append('}');
                break;
            default:
                throw new JinjaException($"{TypeName(value)} cannot be printed");
        }
    }

    /// <summary>repr() of a Python float.</summary>
    private static string FloatText(double number) => double.IsFinite(number) ? PythonFloat.Repr(number)
        : double.IsNaN(number) ? "nan"
        : number > 0 ? "inf" : "-inf";

    /// <summary>Digits of an integer beyond 64 bits.</summary>
    public static void AppendBig(StringBuilder output, BigInteger integer, Budget budget)
    {
        budget.Charge(20 * integer.GetBitLength());
        output.Append(integer.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>repr() of a Python string. Characters that are not printable, by Unicode category, are escaped.</summary>
    private static void AppendQuoted(StringBuilder output, string text, Budget budget)
    {
        budget.MakeText(text.Length);
        int start = output.Length;
        char quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        output.Append(quote);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == quote || c == '\\') output.Append('\\').Append(c);
            else if (c is >= ' ' and <= '~') output.Append(c);
            else if (c == '\n') output.Append("\\n");
            else if (c == '\r') output.Append("\\r");
            else if (c == '\t') output.Append("\\t");
            else i += AppendCodePoint(output, text, i) - 1;
        }

        output.Append(quote);
        budget.MakeText(Math.Max(0, output.Length - start - text.Length)); // escapes are longer than what they stand for
    }

    // Returns the code units read.
    private static int AppendCodePoint(StringBuilder output, string text, int index)
    {
        int units = char.IsSurrogatePair(text, index) ? 2 : 1;
        bool isPrintable = CharUnicodeInfo.GetUnicodeCategory(text, index) is not (
            UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
            or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.SpaceSeparator);
        if (isPrintable) output.Append(text, index, units);
        else if (units == 2) output.Append(CultureInfo.InvariantCulture, $"\\U{char.ConvertToUtf32(text, index):x8}");
        else if (text[index] <= '\u00FF') output.Append(CultureInfo.InvariantCulture, $"\\x{(int)text[index]:x2}");
        else output.Append(CultureInfo.InvariantCulture, $"\\u{(int)text[index]:x4}");
        return units;
    }

    // Code units order surrogates below U+E000 to U+FFFF; code points do not.
    private static int CompareCodePoints(string a, string b)
    {
        int i = 0;
        while (i < a.Length && i < b.Length && a[i] == b[i]) i++;
        if (i == a.Length || i == b.Length) return a.Length.CompareTo(b.Length);
        return char.IsSurrogate(a[i]) == char.IsSurrogate(b[i]) ? a[i].CompareTo(b[i]) : char.IsSurrogate(a[i]) ? 1 : -1;
    }
}
