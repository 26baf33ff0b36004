using Lapidary.Jinja.Objects;

namespace Lapidary.Jinja.Rendering;

/// <summary>Variables of a template, of one pass of a loop, or of a macro call; names not found are looked up outside.</summary>
internal sealed class Scope(Scope? outer)
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);

    public object? this[string name]
    {
        set => _values[name] = value;
    }

    /// <summary>The value of a name, here or outside.</summary>
    public object? Find(string name, Budget budget)
    {
        for (Scope? scope = this; scope is not null; scope = scope.Outer)
        {
            budget.Charge(Budget.Lookup);
            if (scope._values.TryGetValue(name, out var value)) return value;
        }

        return new Undefined($"'{name}'");
    }

    private Scope? Outer { get; } = outer;
}
