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
        budget.Charge(Budget.Node);
        Line = expression.Line;
        switch (expression)
        {
            case Literal literal: return literal.Value;
            case Variable variable: return scope.Find(variable.Name, budget);
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
            case Unary unary:
                var operand = Evaluate(unary.Operand, scope);
                Line = unary.Line;
                return Operators.Unary(unary.Operator, operand, budget);
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
        budget.Charge(Budget.Call);
        if (arguments.Positional.Count == 0 && arguments.Named.Count == 0) return new CallArguments(function, [], []);
        if (arguments.Named.Count > 0) budget.MakeObjects(1 + arguments.Named.Count);
        var named = new Dictionary<string, object?>(StringComparer.Ordinal);
        var positional = arguments.Positional.ConvertAll(value => Evaluate(value, scope));
        foreach (var (name, value) in arguments.Named) named[name] = Evaluate(value, scope);
        return new CallArguments(function, positional, named);
    }

    private Dictionary<string, object?> EvaluateDict(DictLiteral literal, Scope scope)
    {
        var dict = new Dictionary<string, object?>(StringComparer.Ordinal);
        budget.MakeObjects(1 + literal.Items.Count);
        foreach (var (key, value) in literal.Items)
        {
            var name = Evaluate(key, scope);
            budget.Read(name);
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
        budget.Read(index);
        if (index is string name) return Lookup(target, name, line);
        if (target is Undefined undefined) throw new JinjaException($"{undefined.Name} is undefined", line);
        if (Values.AsInteger(index) is not { } at) return new Undefined($"an item of {Values.TypeName(target)}");
        budget.Read(target);
        switch (target)
        {
            case List<object?> list:
                if (at < 0) at += list.Count;
                return at >= 0 && at < list.Count ? list[(int)at] : new Undefined($"item {at} of a list");
            case string text:
                var offsets = Text.Offsets(text, budget);
                int count = offsets is null ? text.Length : offsets.Length - 1;
                if (at < 0) at += count;
                if (at < 0 || at >= count) return new Undefined($"item {at} of a string");
                return offsets is null ? text.Substring((int)at, 1) : text[offsets[at]..offsets[at + 1]];
            default: return new Undefined($"an item of {Values.TypeName(target)}");
        }
    }

    private object? EvaluateSlice(Slice slice, Scope scope)
    {
        var target = Evaluate(slice.Target, scope);
        if (target is not (string or List<object?>)) throw new JinjaException($"{Values.TypeName(target)} cannot be sliced", slice.Line);
        budget.Read(target);
        var offsets = target is string whole ? Text.Offsets(whole, budget) : null;
        int count = target is List<object?> items ? items.Count : offsets is null ? ((string)target).Length : offsets.Length - 1;
        long step = Bound(slice.Step) ?? 1;
        if (step == 0) throw new JinjaException("the step of a slice is zero", slice.Line);
        long lowest = step > 0 ? 0 : -1, highest = step > 0 ? count : count - 1;
        long Clamp(long bound) => Math.Clamp(bound < 0 ? bound + count : bound, lowest, highest);
        long start = Bound(slice.Start) is { } from ? Clamp(from) : step > 0 ? lowest : highest;
        long stop = Bound(slice.Stop) is { } to ? Clamp(to) : step > 0 ? highest : lowest;
        step = Math.Clamp(step, -count - 1, count + 1);
        long length = Math.Max(0, (stop - start + step - Math.Sign(step)) / step);
        return target is string text
            ? SliceText(text, offsets, start, step, length)
            : SliceList((List<object?>)target, start, step, length);

        long? Bound(Expression? bound)
        {
            if (bound is null || Evaluate(bound, scope) is not { } value) return null;
            return Values.AsInteger(value) ?? throw new JinjaException($"{Values.TypeName(value)} cannot bound a slice", slice.Line);
        }
    }

    private List<object?> SliceList(List<object?> items, long start, long step, long length)
    {
        budget.MakeItems(length);
        var part = new List<object?>((int)length);
        for (long i = 0; i < length; i++) part.Add(items[(int)(start + (i * step))]);
        return part;
    }

    private string SliceText(string text, int[]? offsets, long start, long step, long length)
    {
        int At(long index) => offsets is null ? (int)index : offsets[index];
        budget.MakeText(length * (offsets is null ? 1 : 2));
        if (length == 0) return "";
        if (step == 1) return text[At(start)..At(start + length)];
        var part = new System.Text.StringBuilder((int)length);
        for (long i = start; length-- > 0; i += step) part.Append(text, At(i), At(i + 1) - At(i));
        return part.ToString();
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
