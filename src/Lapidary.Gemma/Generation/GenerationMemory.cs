using Lapidary.Engine;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Gemma.Model;

namespace Lapidary.Gemma.Generation;

/// <summary>The memory of a model that generates texts, before a weight is read: what an engine allocates is allocated on a backend that
/// only counts.</summary>
/// <param name="model">A <see cref="GemmaModel.Skeleton"/>.</param>
/// <param name="freeBytes">Free memory of the device, without the model.</param>
/// <param name="budgetBytes">The part of it that may be used.</param>
internal sealed class GenerationMemory(GemmaModel model, long freeBytes, long budgetBytes)
{
    /// <summary>More texts are not tried.</summary>
    private const int MostTried = 4096;

    /// <summary>The largest share of the memory left by the model that the cache of several texts takes.</summary>
    private const double CacheShare = TextSlots.ShareOfOneEngine;

    /// <summary>Memory that may be used.</summary>
    public long BudgetBytes => budgetBytes;

    /// <summary>Keys and values of a text.</summary>
    public long TextBytes(int length) => KvCache.LengthBytesOf(model, 1, length, CachedSteps.MaxPieceLength);

    /// <summary>The memory of an engine, its model included. Decoded weights take part of what is left, so they are the most there can
    /// be.</summary>
    /// <param name="texts">Texts at a time.</param>
    /// <param name="length">Most tokens of a prompt and its text.</param>
    public MemoryUse Of(int texts, int length)
    {
        using var counter = model.Backend.CreateCounter();
        using var steps = new CachedSteps(model, texts, length, counter);
        steps.RunOnce();
        var (there, added) = (model.Backend.Memory.Live, counter.Memory.Live);
        long others = there.TotalBytes + added.TotalBytes - added[MemoryOwner.DecodedWeights];
        return new MemoryUse(owner => owner switch
        {
            MemoryOwner.Workspace => Math.Max(there[owner], added[owner]), // the counter includes its scratch from the start
            MemoryOwner.DecodedWeights => Math.Min(added[owner], (long)(CachedSteps.DecodedShare * Math.Max(0, budgetBytes - others))),
            _ => there[owner] + added[owner],
        });
    }

    /// <summary>Whether an engine generates so many texts at a time.</summary>
    /// <param name="texts">As above.</param>
    /// <param name="length">As above.</param>
    public bool Fits(int texts, int length) =>
        (texts == 1 || texts * TextBytes(length) <= CacheShare * (freeBytes - model.Backend.Memory.LiveBytes))
        && Of(texts, length).TotalBytes <= budgetBytes;

    /// <summary>Most texts of a length at a time; 0 if not one fits.</summary>
    public int MostTexts(int length) => Most(MostTried, texts => Fits(texts, length));

    /// <summary>Most tokens of a text, at most the model's context, if there are so many texts; 0 if not one token fits.</summary>
    public int LongestText(int texts) => Most(model.Config.MaxPositionEmbeddings, length => Fits(texts, length));

    /// <summary>The largest number that fits, where all smaller ones do.</summary>
    private static int Most(int limit, Func<int, bool> fits)
    {
        int most = 0;
        for (int beyond = limit + 1; beyond - most > 1;)
        {
            int tried = most + ((beyond - most) / 2);
            if (fits(tried)) most = tried;
            else beyond = tried;
        }

        return most;
    }
}
