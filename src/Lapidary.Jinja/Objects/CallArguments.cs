namespace Lapidary.Jinja.Objects;

/// <summary>The values that a function, method, filter, test or macro is called with.</summary>
internal sealed record CallArguments(string Function, List<object?> Positional, Dictionary<string, object?> Named)
{
    /// <summary>The argument at a place or of a name, or <paramref name="otherwise"/>.</summary>
    public object? Get(int index, string name, object? otherwise) =>
        index < Positional.Count ? Positional[index] : Named.TryGetValue(name, out var value) ? value : otherwise;

    public string Text(int index, string name, string? otherwise = null) =>
        Get(index, name, otherwise) as string ?? throw Error($"needs the string '{name}'");

    public long Integer(int index, string name, long otherwise) =>
        Values.AsInteger(Get(index, name, otherwise)) ?? throw Error($"needs the integer '{name}'");

    /// <summary>Refuses more arguments than the function has, and names it does not know.</summary>
    public CallArguments Expect(params ReadOnlySpan<string> names)
    {
        if (Positional.Count > names.Length) throw Error($"takes {names.Length} arguments, found {Positional.Count}");
        foreach (string name in Named.Keys)
        {
            if (!names.Contains(name)) throw Error($"has no argument '{name}'");
        }

        return this;
    }

    public JinjaException Error(string what) => new($"{Function} {what}");
}
