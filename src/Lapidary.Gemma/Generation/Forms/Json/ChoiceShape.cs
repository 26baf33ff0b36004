namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>A value of any of some shapes; of one, where another place of the schema describes it.</summary>
internal sealed class ChoiceShape : JsonShape
{
    private List<JsonShape>? _leaves;

    /// <summary>The shapes, which may be choices too, and even this one.</summary>
    public List<JsonShape> Shapes { get; } = [];

    /// <summary>The shapes that are no choices. Asked for when all choices are complete.</summary>
    public IReadOnlyList<JsonShape> Leaves => _leaves ??= FindLeaves();

    public override bool BeginsWith(byte first)
    {
        foreach (var shape in Leaves)
            if (shape.BeginsWith(first)) return true;
        return false;
    }

    public override ITextForm Begin(ITextForm then, int depth) =>
        Choice.Of([.. Leaves.Where(shape => shape.Fits(depth)).Select(shape => shape.Begin(then, depth))])!;

    protected override int HeightOfParts() => Leaves.Select(shape => shape.Height).DefaultIfEmpty(Endless).Min();

    private List<JsonShape> FindLeaves()
    {
        var leaves = new List<JsonShape>();
        var seen = new HashSet<JsonShape>();
        var open = new Stack<JsonShape>([this]);
        while (open.TryPop(out var shape))
        {
            if (!seen.Add(shape)) continue;
            if (shape is not ChoiceShape choice) leaves.Add(shape);
            else for (int i = choice.Shapes.Count - 1; i >= 0; i--) open.Push(choice.Shapes[i]);
        }

        return leaves;
    }
}

/// <summary>A text that may have any of some forms, so far.</summary>
/// <param name="forms">More than one, all different.</param>
internal sealed class Choice(IReadOnlyList<ITextForm> forms) : ITextForm
{
    /// <summary>Most forms that are followed at a time. The text then has one of the first.</summary>
    public const int MaxForms = 32;

    public bool MayEnd => forms.Any(form => form.MayEnd);

    public IReadOnlyList<ITextForm> Alternatives => forms;

    /// <summary>The choice of some forms.</summary>
    /// <returns>Null if there are none.</returns>
    public static ITextForm? Of(List<ITextForm> forms)
    {
        if (forms.Count <= 1) return forms.Count == 0 ? null : forms[0];
        List<ITextForm> different = [.. forms.SelectMany(form => form.Alternatives).Distinct().Take(MaxForms)];
        return different.Count == 1 ? different[0] : new Choice(different);
    }

    public ITextForm? After(byte next)
    {
        var after = new HashSet<ITextForm>();
        bool isSame = true;
        foreach (var form in forms)
        {
            var rest = form.After(next);
            isSame &= ReferenceEquals(rest, form);
            if (rest is not null) after.UnionWith(rest.Alternatives);

            // Each of them may begin a choice in turn: of lists of lists, all would be tried within all.
            if (!isSame && after.Count >= MaxForms) break;
        }

        return isSame ? this : Of([.. after]);
    }
}
