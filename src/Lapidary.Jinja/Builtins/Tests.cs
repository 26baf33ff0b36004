using System.Numerics;
using Lapidary.Jinja.Objects;

namespace Lapidary.Jinja.Builtins;

/// <summary>Tests, which follow "is".</summary>
internal static class Tests
{
    public static bool Apply(string name, object? value, CallArguments arguments, Budget budget)
    {
        budget.Read(value, arguments);
        if (value is string letters && name is "lower" or "upper") budget.Charge(5L * letters.Length);
        switch (name)
        {
            case "defined": return value is not Undefined;
            case "undefined": return value is Undefined;
            case "none": return value is null;
            case "string": return value is string;
            case "boolean": return value is bool;
            case "integer": return value is long or BigInteger;
            case "float": return value is double;
            case "number": return Values.AsNumber(value) is not null;
            case "mapping": return value is Dictionary<string, object?>;
            case "iterable" or "sequence": return value is string or List<object?> or Dictionary<string, object?> or Undefined;
            case "callable": return value is Callable;
            case "true": return value is true;
            case "false": return value is false;
            case "odd": return !Integer(value, name).IsEven;
            case "even": return Integer(value, name).IsEven;
            case "lower": return value is string lower && Text.IsCase(lower, char.IsLower, char.IsUpper);
            case "upper": return value is string upper && Text.IsCase(upper, char.IsUpper, char.IsLower);
            case "divisibleby": return (Integer(value, name) % Divisor(arguments)).IsZero;
        }

        string? op = name switch
        {
            "eq" or "equalto" => "==",
            "ne" => "!=",
            "lt" or "lessthan" => "<",
            "le" => "<=",
            "gt" or "greaterthan" => ">",
            "ge" => ">=",
            "in" => "in",
            _ => null,
        };
        if (op is null) throw new JinjaException($"test '{name}' is not supported");
        return Operators.Compare(op, value, arguments.Get(0, name == "in" ? "seq" : "other", null), budget);
    }

    private static BigInteger Integer(object? value, string test) =>
        Values.AsBig(value) ?? throw new JinjaException($"test '{test}' needs an integer, found {Values.TypeName(value)}");

    private static BigInteger Divisor(CallArguments arguments)
    {
        BigInteger divisor = Values.AsBig(arguments.Get(0, "num", 0L)) ?? throw arguments.Error("needs the integer 'num'");
        return divisor.IsZero ? throw arguments.Error("by zero") : divisor;
    }
}
