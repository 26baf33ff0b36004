using Lapidary.Jinja.Objects;

namespace Lapidary.Jinja.Builtins;

/// <summary>The functions of the environment.</summary>
internal static class Functions
{
    /// <summary>Known names, for errors about unknown ones. strftime_now is included so that it can be refused with a reason.</summary>
    public const string Names = "raise_exception, namespace, range and dict";

    public static readonly string[] All = ["raise_exception", "namespace", "range", "dict", "strftime_now"];

    public static object? Call(CallArguments call, Budget budget)
    {
        budget.Read(null, call);
        return Run(call, budget);
    }

    private static object? Run(CallArguments call, Budget budget) => call.Function switch
    {
        "raise_exception" => throw new JinjaException(Values.ToText(call.Expect("message").Get(0, "message", ""), budget)),
        "namespace" => NewNamespace(call, budget),
        "range" => Range(call, budget),
        "dict" => call.Positional.Count == 0
            ? new Dictionary<string, object?>(call.Named, StringComparer.Ordinal)
            : throw call.Error("of a positional argument is not supported"),
        _ => throw new JinjaException("strftime_now is not supported: the text would depend on the day"),
    };

    private static Namespace NewNamespace(CallArguments call, Budget budget)
    {
        var space = new Namespace();
        if (call.Get(0, "", null) is Dictionary<string, object?> initial)
        {
            budget.MakeObjects(initial.Count);
            foreach (var (name, value) in initial) space.Attributes[name] = value;
        }

        foreach (var (name, value) in call.Named) space.Attributes[name] = value;
        return space;
    }

    private static List<object?> Range(CallArguments call, Budget budget)
    {
        call.Expect("start", "stop", "step");
        long start = call.Positional.Count > 1 ? call.Integer(0, "start", 0) : 0;
        long stop = call.Integer(call.Positional.Count > 1 ? 1 : 0, "stop", 0);
        long step = call.Integer(2, "step", 1);
        if (step == 0) throw call.Error("has a step of zero");
        var items = new List<object?>();
        for (Int128 i = start; step > 0 ? i < stop : i > stop; i += step)
        {
            budget.MakeItems(4); // the number is a separate object
            items.Add((long)i);
        }

        return items;
    }
}
