namespace Lapidary.Gemma.Generation.Batching;

/// <summary>A token that a step computes.</summary>
/// <param name="Slot">The slot of its text.</param>
/// <param name="Position">Its position in the text.</param>
/// <param name="Id">Its id.</param>
/// <param name="Adapter">The place of its model's adapter among those of the steps; −1 for none.</param>
internal readonly record struct StepToken(int Slot, int Position, int Id, int Adapter)
{
    /// <summary>A row without a token, which fills a step up.</summary>
    public static StepToken None { get; } = new(-1, 0, 0, -1);
}
