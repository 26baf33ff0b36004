using Lapidary.Formats;
using Lapidary.Gemma.Model;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>The slots of a cache, and the cache itself, which grows when a longer text comes.</summary>
/// <param name="model">The model.</param>
/// <param name="most">Most texts at a time. If memory is insufficient, there are fewer.</param>
/// <param name="prepared">A cache to begin with, which is then owned; null for none.</param>
internal sealed class TextSlots(GemmaModel model, int most, CachedSteps? prepared = null) : IDisposable
{
    private readonly List<TextSlot> _free = prepared is null ? [] : SlotsOf(prepared);
    private CachedSteps? _steps = prepared;

    /// <summary>The share of a device's only engine.</summary>
    public const double ShareOfOneEngine = 0.5;

    /// <summary>Largest share of the available memory for a cache of more than one text. On the CPU, the pages of mapped weights count as
    /// available.</summary>
    public double MemoryShare { get; set; } = ShareOfOneEngine;

    /// <summary>The steps over the cache, after <see cref="Prepare"/>.</summary>
    public CachedSteps Steps => _steps!;

    /// <summary>Number of free slots.</summary>
    public int Free => _free.Count;

    /// <summary>Whether the cache has room for texts of this length, and its steps use the model's adapter.</summary>
    public bool Fits(int maxLength) =>
        _steps is not null && maxLength <= _steps.MaxLength && ReferenceEquals(_steps.Trained, model.Trained);

    /// <summary>Makes room for texts of <paramref name="maxLength"/> tokens. No text may be running, unless they fit already.</summary>
    /// <param name="maxLength">Most tokens of a text.</param>
    /// <param name="reserved">Room to make if there is memory.</param>
    /// <exception cref="LapidaryException">Not enough memory for a single text.</exception>
    public void Prepare(int maxLength, int reserved)
    {
        if (Fits(maxLength)) return;
        Dispose();
        reserved = Math.Max(maxLength, reserved);
        for (int slots = most; _steps is null;)
        {
            try
            {
                if (CanBeSmaller() && !HasMemory(slots, reserved)) Reduce();
                else _steps = new CachedSteps(model, slots, reserved);
            }
            catch (LapidaryException) when (CanBeSmaller())
            {
                Reduce();
            }

            bool CanBeSmaller() => slots > 1 || reserved > maxLength;

            void Reduce()
            {
                if (reserved > maxLength) reserved = maxLength;
                else slots /= 2;
            }
        }

        _free.AddRange(SlotsOf(_steps));
    }

    /// <summary>Gives a text the free slot that holds most of its prompt.</summary>
    /// <returns>Number of prompt tokens that need no computation.</returns>
    public int Begin(RunningText text)
    {
        var best = _free.MaxBy(slot => slot.Cached(text.Prompt, Steps))!; // of equals, the one that was freed first
        _free.Remove(best);
        return text.Begin(best, Steps);
    }

    /// <summary>Takes a text's slot back. What it holds stays, for a later text.</summary>
    public void End(RunningText text) => _free.Add(text.Slot!);

    /// <summary>Whether a cache leaves room for its steps and for others. Host memory is not refused when it is allocated, but when it is
    /// used.</summary>
    private bool HasMemory(int slots, int maxLength) =>
        KvCache.LengthBytesOf(model, slots, maxLength, CachedSteps.MaxPromptStep) <= MemoryShare * model.Backend.Memory.AvailableBytes;

    private static List<TextSlot> SlotsOf(CachedSteps steps) => [.. Enumerable.Range(0, steps.Slots).Select(i => new TextSlot(i))];

    /// <summary>Frees the cache and its steps.</summary>
    public void Dispose()
    {
        _steps?.Dispose();
        _steps = null;
        _free.Clear();
    }
}
