using System.Runtime.CompilerServices;
using System.Text;
using Lapidary.Jinja.Builtins;
using Lapidary.Jinja.Objects;
using Lapidary.Jinja.Parsing;

namespace Lapidary.Jinja.Rendering;

/// <summary>Executes the statements of one rendering.</summary>
internal sealed class Interpreter
{
    /// <summary>Macro calls within macro calls.</summary>
    private const int MaxCalls = 50;

    private readonly Budget _budget;
    private readonly Evaluator _evaluator;
    private readonly List<TextSpan> _generations = [];
    private readonly List<(object Item, TextSpan Output)> _visits = [];
    private StringBuilder _output = new();
    private int _captures;
    private int _calls;

    private Interpreter(Budget budget)
    {
        _budget = budget;
        _evaluator = new Evaluator(budget, CallMacro);
    }


    /// <summary>What a statement list leaves for the loop around it.</summary>
    private enum Flow
    {
        Next,
        Continue,
        Break,
    }

    /// <summary>Renders a template; also gives the output ranges of its generation blocks.</summary>
    /// <exception cref="JinjaException">The template failed, or its limits were reached.</exception>
    public static RenderedText Render(List<Statement> template, IEnumerable<KeyValuePair<string, object?>> variables, Budget budget)
    {
        var interpreter = new Interpreter(budget);
        var scope = new Scope(null);
        foreach (string function in Functions.All) scope[function] = new Builtin(function);
        foreach (var (name, value) in variables) scope[name] = value;
        try
        {
            interpreter.Execute(template, new Scope(scope));
        }
        catch (JinjaException error) when (error.Line == 0)
        {
            throw new JinjaException(error.Message, interpreter._evaluator.Line) { IsLimit = error.IsLimit };
        }
        catch (InsufficientExecutionStackException)
        {
            throw new JinjaException("nests too deep", interpreter._evaluator.Line);
        }

        return new RenderedText(interpreter._output.ToString(), interpreter._generations) { Visits = interpreter._visits };
    }

    private Flow Execute(List<Statement> body, Scope scope)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        foreach (var statement in body)
        {
            _budget.Charge(Budget.Node);
            _evaluator.Line = statement.Line;
            Flow flow = Execute(statement, scope);
            if (flow != Flow.Next) return flow;
        }

        return Flow.Next;
    }

    private Flow Execute(Statement statement, Scope scope)
    {
        switch (statement)
        {
            case TextOutput text: Write(text.Text); break;
            case Print print: Write(Values.ToText(_evaluator.Evaluate(print.Value, scope), _budget)); break;
            case If branch: return ExecuteIf(branch, scope);
            case For loop: return ExecuteFor(loop, scope);
            case Set set: Assign(set.Targets, _evaluator.Evaluate(set.Value, scope), scope); break;
            case SetAttribute set:
                var value = _evaluator.Evaluate(set.Value, scope);
                if (scope.Find(set.Namespace, _budget) is not Namespace space)
                    throw new JinjaException($"cannot set an attribute of '{set.Namespace}', which is no namespace", set.Line);
                space.Attributes[set.Name] = value;
                break;
            case SetBlock set: scope[set.Target] = Capture(set.Body, new Scope(scope)); break;
            case Macro macro: scope[macro.Name] = new MacroValue(macro, scope); break;
            case Generation generation: return ExecuteGeneration(generation, scope);
            case LoopJump jump: return jump.Break ? Flow.Break : Flow.Continue;
        }

        return Flow.Next;
    }

    private Flow ExecuteIf(If branch, Scope scope)
    {
        foreach (var (condition, body) in branch.Branches)
        {
            if (Values.IsTrue(_evaluator.Evaluate(condition, scope))) return Execute(body, scope);
        }

        return Execute(branch.Else, scope);
    }

    private Flow ExecuteFor(For loop, Scope scope)
    {
        var items = Values.Iterate(_evaluator.Evaluate(loop.Items, scope), _budget);
        if (loop.Filter is not null)
        {
            _budget.MakeItems(items.Count);
            items = items.FindAll(item =>
            {
                _budget.Charge(Budget.Scope);
                var inner = new Scope(scope);
                Assign(loop.Targets, item, inner);
                return Values.IsTrue(_evaluator.Evaluate(loop.Filter, inner));
            });
        }

        if (items.Count == 0) return Execute(loop.Else, new Scope(scope));
        var state = new LoopState(items);
        for (; state.Index0 < items.Count; state.Index0++)
        {
            _budget.Charge(Budget.Scope);
            var inner = new Scope(scope) { ["loop"] = state };
            Assign(loop.Targets, items[state.Index0], inner);
            int start = _output.Length;
            Flow flow = Execute(loop.Body, inner);
            if (_captures == 0 && _output.Length > start && items[state.Index0] is Dictionary<string, object?> item)
                _visits.Add((item, new TextSpan(start, _output.Length)));
            if (flow == Flow.Break) break;
        }

        return Flow.Next;
    }

    private Flow ExecuteGeneration(Generation generation, Scope scope)
    {
        if (_captures > 0) throw new JinjaException("{% generation %} within a macro or a set block is not supported", generation.Line);
        int start = _output.Length;
        Flow flow = Execute(generation.Body, scope);
        _generations.Add(new TextSpan(start, _output.Length));
        return flow;
    }

    private void Assign(List<string> targets, object? value, Scope scope)
    {
        if (targets.Count == 1)
        {
            scope[targets[0]] = value;
            return;
        }

        var parts = Values.Iterate(value, _budget);
        if (parts.Count != targets.Count) throw new JinjaException($"{parts.Count} values cannot be assigned to {targets.Count} names");
        for (int i = 0; i < parts.Count; i++) scope[targets[i]] = parts[i];
    }

    private string CallMacro(MacroValue value, CallArguments call)
    {
        var macro = value.Macro;
        if (++_calls > MaxCalls) throw new JinjaException($"macro '{macro.Name}' calls deeper than {MaxCalls}");
        call.Expect([.. macro.Parameters.Select(parameter => parameter.Name)]);
        _budget.Charge(Budget.Scope + (Budget.Object * macro.Parameters.Count));
        var scope = new Scope(value.Scope);
        for (int i = 0; i < macro.Parameters.Count; i++)
        {
            var (name, otherwise) = macro.Parameters[i];
            bool given = i < call.Positional.Count || call.Named.ContainsKey(name);
            scope[name] = given ? call.Get(i, name, null)
                : otherwise is null ? new Undefined($"parameter '{name}'")
                : _evaluator.Evaluate(otherwise, scope);
        }

        string text = Capture(macro.Body, scope);
        _calls--;
        return text;
    }

    private string Capture(List<Statement> body, Scope scope)
    {
        var outer = _output;
        _output = new StringBuilder();
        _captures++;
        Execute(body, scope);
        _captures--;
        _budget.MakeText(_output.Length);
        string text = _output.ToString();
        _output = outer;
        return text;
    }

    private void Write(string text)
    {
        _budget.MakeText(text.Length);
        Budget.CheckLength((long)_output.Length + text.Length);
        _output.Append(text);
    }
}
