namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>A list.</summary>
/// <param name="first">Shapes of the first items.</param>
/// <param name="further">That of the items after them; null if there are none.</param>
/// <param name="min">Fewest items.</param>
/// <param name="max">Most items.</param>
internal sealed class ArrayShape(IReadOnlyList<JsonShape> first, JsonShape? further, int min, int max) : JsonShape
{
    /// <summary>Fewest items.</summary>
    public int Min => min;

    /// <summary>Items as far as their number matters.</summary>
    public int Counted(int count) => Math.Min(count, max < int.MaxValue ? max : Math.Max(Math.Max(min, first.Count), 1));

    /// <summary>The shape of an item that can come after some others; null if none can.</summary>
    public JsonShape? Item(int index, int depth)
    {
        var item = index >= max ? null : index < first.Count ? first[index] : further;
        return item?.Fits(depth) == true ? item : null;
    }

    public override bool BeginsWith(byte first) => first == '[';

    public override ITextForm Begin(ITextForm then, int depth) =>
        new Mark('[', Gap.Inside(depth + 1, new ArrayPlace(this, then, depth + 1, 0)));

    protected override int HeightOfParts()
    {
        int height = 0;
        for (int i = 0; i < Math.Min(min, first.Count + 1); i++)
            height = Math.Max(height, i < first.Count ? first[i].Height : further?.Height ?? Endless);
        return 1 + height;
    }
}

/// <summary>A place before the first item of a list, or after an item.</summary>
/// <param name="Shape">The list.</param>
/// <param name="Then">What follows it.</param>
/// <param name="Depth">Open brackets, with its own.</param>
/// <param name="Count">Items written, as far as they matter.</param>
internal sealed record ArrayPlace(ArrayShape Shape, ITextForm Then, int Depth, int Count) : ITextForm
{
    public bool MayEnd => false;

    public ITextForm? After(byte next)
    {
        if (next == ']') return Count >= Shape.Min ? Then : null;
        var item = Shape.Item(Count, Depth);
        if (Count == 0) return item?.BeginsWith(next) == true ? item.Begin(this with { Count = 1 }, Depth).After(next) : null;
        if (next == ',' && item is not null)
            return Gap.Inside(Depth, new ValuePlace(item, this with { Count = Shape.Counted(Count + 1) }, Depth));
        return next is (byte)' ' or (byte)'\n' && Count >= Shape.Min ? Gap.Inside(Depth, new Mark(']', Then)).After(next) : null;
    }
}
