namespace Lapidary.Jinja.Objects;

/// <summary>The variable "loop" within a for.</summary>
internal sealed class LoopState(List<object?> items)
{
    /// <summary>Passes made so far.</summary>
    public int Index0 { get; set; }

    public object? this[string name] => name switch
    {
        "index" => Index0 + 1L,
        "index0" => (long)Index0,
        "revindex" => (long)(items.Count - Index0),
        "revindex0" => items.Count - Index0 - 1L,
        "first" => Index0 == 0,
        "last" => Index0 == items.Count - 1,
        "length" => (long)items.Count,
        "depth" => 1L, // grows in recursive loops only, which are refused
        "depth0" => 0L,
        "previtem" => Index0 > 0 ? items[Index0 - 1] : new Undefined("the item before the first"),
        "nextitem" => Index0 + 1 < items.Count ? items[Index0 + 1] : new Undefined("the item after the last"),
        _ => new Undefined($"'{name}' of loop"),
    };
}
