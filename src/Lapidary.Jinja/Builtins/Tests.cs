using Lapidary.Jinja.Objects;

namespace Lapidary.Jinja.Builtins;

/// <summary>Tests: what stands after "is".</summary>
internal static class Tests
{
    public static bool Apply(string name, object? value, CallArguments arguments, Budget budget)
    {
        switch (name)
        {
            case "defined": return value is not Undefined;
            case "undefined": return value is Undefined;
            case "none": return value is null;
            case "string": return value is string;
            case "boolean": return value is bool;
            case "integer": return value is long;
            case "float": return value is double;
            case "number": return Values.AsNumber(value) is not null;
            case "mapping": return value is Dictionary<string, object?>;
            case "iterable" or "sequence": return value is string or List<object?> or Dictionary<string, object?> or Undefined;
            case "callable": return value is Callable;
            case "true": return value is true;
            case "false": return value is false;
            case "odd": return Integer(value, name) % 2 != 0;
            case "even": return Integer(value, name) % 2 == 0;
            case "lower": return value is string lower && lower.Any(char.IsLower) && !lower.Any(char.IsUpper);
            case "upper": return value is string upper && upper.Any(char.IsUpper) && !upper.Any(char.IsLower);
            case "divisibleby": return Integer(value, name) % Divisor(arguments) == 0;
            case "in": return Operators.Contains(arguments.Get(0, "seq", null), value, budget);
        }

        string? op = name switch
        {
            "eq" or "equalto" => "==",
            "ne" => "!=",
            "lt" or "lessthan" => "<",
            "le" => "<=",
            "gt" or "greaterthan" => ">",
            "ge" => ">=",
            _ => null,
        };
        if (op is null) throw new JinjaException($"test '{name}' is not supported");
        return Operators.Compare(op, value, arguments.Get(0, "other", null), budget);
    }

    private static long Integer(object? value, string test) =>
        Values.AsInteger(value) ?? throw new JinjaException($"test '{test}' needs an integer, found {Values.TypeName(value)}");

    private static long Divisor(CallArguments arguments)
    {
        long divisor = arguments.Integer(0, "num", 0);
        return divisor is 0 or -1 ? divisor == 0 ? throw arguments.Error("by zero") : 1 : divisor;
    }
}
