namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>A property of an object.</summary>
/// <param name="Shape">Of its value.</param>
/// <param name="IsRequired">Whether each object has it.</param>
internal sealed record Property(JsonShape Shape, bool IsRequired);

/// <summary>An object, whose properties come in their order, and then those of any other names.</summary>
/// <param name="names">The names as JSON strings, in UTF-8.</param>
/// <param name="properties">Of these names.</param>
/// <param name="further">The shape of further values; null if there are none.</param>
internal sealed class ObjectShape(IReadOnlyList<byte[]> names, IReadOnlyList<Property> properties, JsonShape? further) : JsonShape
{
    private readonly int[] _required = FindRequired(properties);

    /// <summary>The names, numbered in the order of the properties.</summary>
    public WordList Names { get; } = new(names);

    /// <summary>The shape of a property's value; null for a name of which there is none.</summary>
    public JsonShape? this[int number] => number < properties.Count ? properties[number].Shape : further;

    /// <summary>The next property that must come; the number of properties if there is none.</summary>
    public int NextRequired(int number) => _required[number];

    /// <summary>Whether any property can come at a place.</summary>
    public bool HasNext(int number, int depth)
    {
        int last = NextRequired(number);
        for (; number < last; number++)
            if (properties[number].Shape.Fits(depth)) return true;
        return last < properties.Count || further?.Fits(depth) == true;
    }

    public override bool BeginsWith(byte first) => first == '{';

    public override ITextForm Begin(ITextForm then, int depth) =>
        new Mark('{', Gap.Inside(depth + 1, new ObjectPlace(this, then, depth + 1, 0, null, ObjectPart.First)));

    protected override int HeightOfParts() =>
        1 + properties.Where(property => property.IsRequired).Select(property => property.Shape.Height).DefaultIfEmpty().Max();

    private static int[] FindRequired(IReadOnlyList<Property> properties)
    {
        int[] next = new int[properties.Count + 1];
        next[^1] = properties.Count;
        for (int i = properties.Count - 1; i >= 0; i--) next[i] = properties[i].IsRequired ? i : next[i + 1];
        return next;
    }
}

/// <summary>What comes next in an object.</summary>
internal enum ObjectPart
{
    /// <summary>The first name, or the end.</summary>
    First,

    /// <summary>A name.</summary>
    Name,

    /// <summary>A comma, or the end.</summary>
    Comma,
}

/// <summary>A place between the parts of an object.</summary>
/// <param name="Shape">The object.</param>
/// <param name="Then">What follows it.</param>
/// <param name="Depth">Open brackets, with its own.</param>
/// <param name="Next">The next property, or a later one, comes next.</param>
/// <param name="Taken">Names of further properties that it has; null for none.</param>
/// <param name="Part">What comes next.</param>
internal sealed record ObjectPlace(
    ObjectShape Shape, ITextForm Then, int Depth, int Next, WrittenName? Taken, ObjectPart Part) : ITextForm
{
    public bool MayEnd => false;

    private bool MayClose => Part != ObjectPart.Name && Shape.NextRequired(Next) == Shape.Names.Count;

    public ITextForm? After(byte next)
    {
        if (next == '}') return MayClose ? Then : null;
        if (Part == ObjectPart.Comma)
        {
            if (next == ',') return Shape.HasNext(Next, Depth) ? Gap.Inside(Depth, this with { Part = ObjectPart.Name }) : null;
            return next is (byte)' ' or (byte)'\n' && MayClose ? Gap.Inside(Depth, new Mark('}', Then)).After(next) : null;
        }

        if (next != '"' || !Shape.HasNext(Next, Depth)) return null;
        var names = new List<ITextForm>(2);
        if (new NamePlace(this, 0, Shape.Names.Count, 0).After(next) is { } known) names.Add(known);
        if (Shape.NextRequired(Next) == Shape.Names.Count && Shape[Shape.Names.Count]?.Fits(Depth) == true)
            names.Add(new FreeNamePlace(this, null, default));
        return Choice.Of(names);
    }

    /// <summary>What comes after a name.</summary>
    /// <param name="number">Of the property.</param>
    /// <param name="taken">The name, if it is of no property of the shape, and those before it.</param>
    public ITextForm AfterName(int number, WrittenName? taken)
    {
        var value = this with { Next = Math.Min(number + 1, Shape.Names.Count), Taken = taken, Part = ObjectPart.Comma };
        return new Mark(':', Gap.Space(new ValuePlace(Shape[number]!, value, Depth)));
    }
}
