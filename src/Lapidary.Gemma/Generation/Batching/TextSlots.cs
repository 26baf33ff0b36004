using Lapidary.Formats;
using Lapidary.Gemma.Model;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>The slots of a cache, and the cache itself, which grows when a longer text comes, and is made anew when one of another model
/// does.</summary>
/// <param name="models">The models whose texts it is for, at least one; others may be added later.</param>
/// <param name="most">Most texts at a time. If memory is insufficient, there are fewer.</param>
/// <param name="prepared">A cache to begin with, which is then owned; null for none.</param>
internal sealed class TextSlots(IReadOnlyList<StepModel> models, int most, CachedSteps? prepared = null) : IDisposable
{
    private readonly List<TextSlot> _free = prepared is null ? [] : SlotsOf(prepared, models);
    private CachedSteps? _steps = prepared;

    /// <summary>The share of each of a device's engines: what they leave is for their steps and for others.</summary>
    public static double ShareOf(int engines) => 1.0 / (engines + 1);

    /// <summary>Largest share of the available memory for a cache of more than one text. On the CPU, the pages of mapped weights count as
    /// available.</summary>
    public double MemoryShare { get; set; } = ShareOf(engines: 1);

    /// <summary>The steps over the cache, after <see cref="Prepare"/>.</summary>
    /// <exception cref="ObjectDisposedException">The model, or what generates with it, is disposed.</exception>
    public CachedSteps Steps => _steps ?? throw new ObjectDisposedException(nameof(GemmaModel));

    /// <summary>Number of slots: fewer than there may be where memory is short, and 0 before <see cref="Prepare"/>.</summary>
    public int Count => _steps?.Slots ?? 0;

    /// <summary>Number of free slots.</summary>
    public int Free => _free.Count;

    /// <summary>Whether the cache has room for texts of this length, and its steps use the model's adapter.</summary>
    public bool Fits(StepModel model, int maxLength) => _steps is not null && maxLength <= _steps.MaxLength && _steps.AreOf(model);

    /// <summary>Makes room for texts of <paramref name="maxLength"/> tokens. No text may be running, unless they fit already.</summary>
    /// <param name="model">Their model, one of the slots' models.</param>
    /// <param name="maxLength">Most tokens of a text.</param>
    /// <param name="reserved">Room to make if there is memory. Else a text gets less, and at least <paramref name="maxLength"/>, before
    /// there are fewer texts: where a cache has room for longer texts, it need not be made anew for one.</param>
    /// <exception cref="LapidaryException">Not enough memory for a single text, or what is attached to the model since it was added cannot
    /// share steps.</exception>
    public void Prepare(StepModel model, int maxLength, int reserved)
    {
        if (Fits(model, maxLength)) return;
        if (models.Count > 1) SharedSteps.Require(model.Model, model.Model);
        StepModel[] together = [.. models.Where(other => other == model || SharedSteps.Obstacle(model.Model, other.Model) is null)];
        Dispose();
        reserved = Math.Max(maxLength, reserved);
        for (int slots = most, length = reserved; _steps is null;)
        {
            bool isLeast = slots == 1 && length == maxLength;
            try
            {
                if (isLeast || HasMemory(slots, length)) _steps = new CachedSteps([.. together.Select(each => each.Model)], slots, length);
                else if (length > maxLength) length = maxLength + ((length - maxLength) / 2);
                else (slots, length) = (slots / 2, reserved);
            }
            catch (LapidaryException) when (!isLeast)
            {
                // The cache would fit, but not the steps beside it. To record steps again takes time, so few sizes are tried.
                if (length > maxLength) length = maxLength;
                else slots /= 2;
            }
        }

        _free.AddRange(SlotsOf(_steps, together));
    }

    /// <summary>Gives a text the free slot that holds most of its prompt.</summary>
    /// <returns>Number of prompt tokens that need no computation.</returns>
    public int Begin(RunningText text)
    {
        var best = _free.MaxBy(slot => slot.Cached(text, Steps))!; // of equals, the one that was freed first
        _free.Remove(best);
        return text.Begin(best, Steps);
    }

    /// <summary>Takes a text's slot back. What it holds stays, for a later text.</summary>
    public void End(RunningText text) => _free.Add(text.Slot!);

    /// <summary>Whether a cache leaves room for its steps and for others. Host memory is not refused when it is allocated, but when it is
    /// used.</summary>
    private bool HasMemory(int slots, int maxLength) =>
        KvCache.LengthBytesOf(models[0].Model, slots, maxLength, CachedSteps.MaxPieceLength)
        <= MemoryShare * models[0].Model.Backend.Memory.AvailableBytes;

    private static List<TextSlot> SlotsOf(CachedSteps steps, IReadOnlyList<StepModel> models)
    {
        for (int i = 0; i < models.Count; i++) models[i].Place(i);
        return [.. Enumerable.Range(0, steps.Slots).Select(i => new TextSlot(i))];
    }

    /// <summary>Frees the cache and its steps.</summary>
    public void Dispose()
    {
        _steps?.Dispose();
        _steps = null;
        _free.Clear();
    }
}
