namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>A set of JSON values, of which a text is to have one. A shape begins a value; each place in a value is a record, which knows
/// what follows the value. Records that are equal allow the same texts, so they need to be followed only once.</summary>
internal abstract class JsonShape
{
    /// <summary>Most brackets that are open at a time.</summary>
    public const int MaxDepth = 32;

    /// <summary>More brackets than any value may have: no value of the shape ends.</summary>
    public const int Endless = MaxDepth + 1;

    /// <summary>Brackets within each other that the shape's flattest value has.</summary>
    public int Height { get; private set; } = Endless;

    /// <summary>Computes the height again from those of its parts.</summary>
    /// <returns>Whether it has changed.</returns>
    public bool LowerHeight()
    {
        int height = Math.Min(Endless, HeightOfParts());
        bool isLower = height < Height;
        Height = height;
        return isLower;
    }

    /// <summary>Whether a value can begin after some open brackets, and end.</summary>
    public bool Fits(int depth) => depth + Height <= MaxDepth;

    /// <summary>Whether a value may begin with a byte.</summary>
    public abstract bool BeginsWith(byte first);

    /// <summary>The place before a value.</summary>
    /// <param name="then">What follows the value.</param>
    /// <param name="depth">Brackets that are open; the shape fits.</param>
    public abstract ITextForm Begin(ITextForm then, int depth);

    /// <summary>The height of its flattest value by what is known of its parts.</summary>
    protected abstract int HeightOfParts();
}

/// <summary>A place before a value. Its form is made only for a byte that can begin it: most bytes that are tried cannot, and a choice of
/// many shapes takes time to begin.</summary>
/// <param name="Shape">Of the value; it fits.</param>
/// <param name="Then">What follows the value.</param>
/// <param name="Depth">Brackets that are open.</param>
internal sealed record ValuePlace(JsonShape Shape, ITextForm Then, int Depth) : ITextForm
{
    public bool MayEnd => false;

    public ITextForm? After(byte next) => Shape.BeginsWith(next) ? Shape.Begin(Then, Depth).After(next) : null;
}

/// <summary>The end of the text.</summary>
internal sealed record TextEnd : ITextForm
{
    public bool MayEnd => true;

    public ITextForm? After(byte next) => null;
}

/// <summary>A certain byte.</summary>
/// <param name="Expected">The byte.</param>
/// <param name="Then">What follows it.</param>
internal sealed record Mark(char Expected, ITextForm Then) : ITextForm
{
    public bool MayEnd => false;

    public ITextForm? After(byte next) => next == Expected ? Then : null;
}

/// <summary>White space between two parts: none, one space, or a line break and spaces. There is no other, or a model could write blanks
/// for ever.</summary>
/// <param name="Then">What follows it.</param>
/// <param name="Spaces">Most spaces that may still come.</param>
/// <param name="Indent">Most spaces after a line break; −1 where no break may come.</param>
internal sealed record Gap(ITextForm Then, int Spaces, int Indent) : ITextForm
{
    /// <summary>Spaces of a level; a line may have fewer.</summary>
    private const int SpacesOfLevel = 4;

    public bool MayEnd => false;

    /// <summary>White space inside brackets.</summary>
    public static Gap Inside(int depth, ITextForm then) => new(then, Spaces: 1, Indent: SpacesOfLevel * depth);

    /// <summary>A space or none.</summary>
    public static Gap Space(ITextForm then) => new(then, Spaces: 1, Indent: -1);

    public ITextForm? After(byte next) => next switch
    {
        (byte)' ' => Spaces > 0 ? this with { Spaces = Spaces - 1, Indent = -1 } : null,
        (byte)'\n' => Indent >= 0 ? new Gap(Then, Spaces: Indent, Indent: -1) : null,
        _ => Then.After(next),
    };
}
