using System.Runtime.CompilerServices;
using Lapidary.Jinja.Builtins;
using Lapidary.Jinja.Objects;
using Lapidary.Jinja.Parsing;

namespace Lapidary.Jinja.Rendering;

/// <summary>Evaluates expressions.</summary>
internal sealed class Evaluator(Budget budget, Func<MacroValue, CallArguments, string> callMacro)
{
    /// <summary>The template line being executed, for errors.</summary>
    public int Line { get; set; }

    public object? Evaluate(Expression expression, Scope scope)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        budget.Charge(1);
        Line = expression.Line;
        switch (expression)
        {
            case Literal literal: return literal.Value;
            case Variable variable: return scope[variable.Name];
            case ListLiteral list: return list.Items.ConvertAll(item => Evaluate(item, scope));
            case TupleLiteral tuple: return new TupleValue(tuple.Items.ConvertAll(item => Evaluate(item, scope)));
            case DictLiteral dict: return EvaluateDict(dict, scope);
            case GetAttribute get: return Lookup(Evaluate(get.Target, scope), get.Name, get.Line);
            case GetItem get: return Index(Evaluate(get.Target, scope), Evaluate(get.Index, scope), get.Line);
            case Slice slice: return EvaluateSlice(slice, scope);
            case Call call: return EvaluateCall(call, scope);
            case FilterCall filter:
                var filtered = Evaluate(filter.Target, scope);
                return Filters.Apply(filter.Name, filtered, Arguments(filter.Name, filter.Arguments, scope), budget);
            case TestCall test:
                var tested = Evaluate(test.Target, scope);
                return Tests.Apply(test.Name, tested, Arguments(test.Name, test.Arguments, scope), budget) != test.Negated;
            case Unary unary: return EvaluateUnary(unary, Evaluate(unary.Operand, scope));
            case Binary { Operator: "and" } and:
                var first = Evaluate(and.Left, scope);
                return Values.IsTrue(first) ? Evaluate(and.Right, scope) : first;
            case Binary { Operator: "or" } or:
                var either = Evaluate(or.Left, scope);
                return Values.IsTrue(either) ? either : Evaluate(or.Right, scope);
            case Binary binary:
                var left = Evaluate(binary.Left, scope);
                var right = Evaluate(binary.Right, scope);
                Line = binary.Line;
                return Operators.Apply(binary.Operator, left, right, budget);
            case Comparison comparison: return EvaluateComparison(comparison, scope);
            case Conditional conditional:
                if (Values.IsTrue(Evaluate(conditional.Condition, scope))) return Evaluate(conditional.Then, scope);
                return conditional.Else is null ? new Undefined("an if without else") : Evaluate(conditional.Else, scope);
            default: throw new JinjaException($"cannot evaluate {expression.GetType().Name}");
        }
    }

    /// <summary>Arguments of a call, evaluated.</summary>
    public CallArguments Arguments(string function, Arguments arguments, Scope scope)
    {
        if (arguments.Positional.Count == 0 && arguments.Named.Count == 0) return new CallArguments(function, [], []);
        var named = new Dictionary<string, object?>(StringComparer.Ordinal);
        var positional = arguments.Positional.ConvertAll(value => Evaluate(value, scope));
        foreach (var (name, value) in arguments.Named) named[name] = Evaluate(value, scope);
        return new CallArguments(function, positional, named);
    }

    private Dictionary<string, object?> EvaluateDict(DictLiteral literal, Scope scope)
    {
        var dict = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (key, value) in literal.Items)
        {
            var name = Evaluate(key, scope);
            if (name is not string text)
                throw new JinjaException($"{Values.TypeName(name)} as a dict's key is not supported, expected a string");
            dict[text] = Evaluate(value, scope);
        }

        return dict;
    }

    private static object? Lookup(object? target, string name, int line) => target switch
    {
        Undefined undefined => throw new JinjaException($"{undefined.Name} is undefined", line),
        Dictionary<string, object?> dict when dict.TryGetValue(name, out var value) => value,
        Namespace space when space.Attributes.TryGetValue(name, out var value) => value,
        LoopState loop => loop[name],
        _ => new Undefined($"'{name}' of {Values.TypeName(target)}"),
    };

    private object? Index(object? target, object? index, int line)
    {
        if (index is string name) return Lookup(target, name, line);
        if (target is Undefined undefined) throw new JinjaException($"{undefined.Name} is undefined", line);
        if (Values.AsInteger(index) is not { } at || target is not (List<object?> or string))
            return new Undefined($"an item of {Values.TypeName(target)}");
        var items = Values.Iterate(target, budget);
        if (at < 0) at += items.Count;
        return at >= 0 && at < items.Count ? items[(int)at] : new Undefined($"item {at} of {Values.TypeName(target)}");
    }

    private object? EvaluateSlice(Slice slice, Scope scope)
    {
        var target = Evaluate(slice.Target, scope);
        if (target is not (string or List<object?>)) throw new JinjaException($"{Values.TypeName(target)} cannot be sliced", slice.Line);
        var items = Values.Iterate(target, budget);
        budget.Charge(items.Count);
        long step = Bound(slice.Step) ?? 1;
        if (step == 0) throw new JinjaException("the step of a slice is zero", slice.Line);
        long lowest = step > 0 ? 0 : -1, highest = step > 0 ? items.Count : items.Count - 1;
        long Clamp(long bound) => Math.Clamp(bound < 0 ? bound + items.Count : bound, lowest, highest);
        long start = Bound(slice.Start) is { } from ? Clamp(from) : step > 0 ? lowest : highest;
        long stop = Bound(slice.Stop) is { } to ? Clamp(to) : step > 0 ? highest : lowest;
        step = Math.Clamp(step, -items.Count - 1, items.Count + 1);
        var part = new List<object?>();
        for (long i = start; step > 0 ? i < stop : i > stop; i += step) part.Add(items[(int)i]);
        return target is string ? string.Concat(part) : part;

        long? Bound(Expression? bound)
        {
            if (bound is null || Evaluate(bound, scope) is not { } value) return null;
            return Values.AsInteger(value) ?? throw new JinjaException($"{Values.TypeName(value)} cannot bound a slice", slice.Line);
        }
    }

    private object? EvaluateCall(Call call, Scope scope)
    {
        if (call.Target is GetAttribute method)
        {
            var target = Evaluate(method.Target, scope);
            if (target is Undefined undefined) throw new JinjaException($"{undefined.Name} is undefined", call.Line);
            var values = Arguments(method.Name, call.Arguments, scope);
            Line = call.Line;
            return Lookup(target, method.Name, call.Line) is MacroValue inner
                ? callMacro(inner, values)
                : Methods.Call(target, values, budget);
        }

        var function = Evaluate(call.Target, scope);
        string name = function is Builtin builtin ? builtin.Name : call.Target is Variable variable ? variable.Name : "the expression";
        var arguments = Arguments(name, call.Arguments, scope);
        Line = call.Line;
        return function switch
        {
            Builtin => Functions.Call(arguments, budget),
            MacroValue macro => callMacro(macro, arguments),
            Undefined missing => throw new JinjaException($"function {missing.Name} is not supported; supported are {Functions.Names}"),
            _ => throw new JinjaException($"{Values.TypeName(function)} cannot be called"),
        };
    }

    private static object? EvaluateUnary(Unary unary, object? value)
    {
        if (unary.Operator == "not") return !Values.IsTrue(value);
        bool negative = unary.Operator == "-";
        if (Values.AsInteger(value) is { } integer) return negative ? Operators.Checked(() => checked(-integer)) : integer;
        if (value is double number) return negative ? -number : number;
        throw new JinjaException($"'{unary.Operator}' needs a number, found {Values.TypeName(value)}", unary.Line);
    }

    private bool EvaluateComparison(Comparison comparison, Scope scope)
    {
        var left = Evaluate(comparison.First, scope);
        foreach (var (op, operand) in comparison.Rest)
        {
            var right = Evaluate(operand, scope);
            Line = comparison.Line;
            if (!Operators.Compare(op, left, right, budget)) return false;
            left = right;
        }

        return true;
    }
}
