using Lapidary.Engine;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Gemma.Model;

namespace Lapidary.Gemma.Generation;

/// <summary>The memory of models that generate texts, before a weight is read: what their engines allocate is allocated on a backend that
/// only counts.</summary>
/// <param name="engines">For each engine the models that share its steps: a <see cref="GemmaModel.Skeleton"/>, and models over the same
/// weights with their adapters.</param>
/// <param name="freeBytes">Free memory of the device, without the models.</param>
/// <param name="budgetBytes">The part of it that may be used.</param>
internal sealed class GenerationMemory(IReadOnlyList<IReadOnlyList<GemmaModel>> engines, long freeBytes, long budgetBytes)
{
    /// <summary>More texts are not tried.</summary>
    private const int MostTried = 4096;

    private readonly GemmaModel _model = engines[0][0];

    /// <summary>The memory of one engine of one model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="freeBytes">As above.</param>
    /// <param name="budgetBytes">As above.</param>
    public GenerationMemory(GemmaModel model, long freeBytes, long budgetBytes) : this([[model]], freeBytes, budgetBytes)
    {
    }

    /// <summary>Memory that may be used.</summary>
    public long BudgetBytes => budgetBytes;

    /// <summary>The largest share of free memory that the cache of several texts takes in each engine.</summary>
    private double CacheShare => TextSlots.ShareOf(engines.Count);

    /// <summary>Keys and values of a text.</summary>
    public long TextBytes(int length) => KvCache.LengthBytesOf(_model, 1, length, CachedSteps.MaxPieceLength);

    /// <summary>The memory of all engines, their models included. Decoded weights take part of what is left, so they are the most there can
    /// be.</summary>
    /// <param name="texts">Texts at a time of each engine.</param>
    /// <param name="length">Most tokens of a prompt and its text.</param>
    public MemoryUse Of(int texts, int length)
    {
        using var counter = _model.Backend.CreateCounter();
        var all = new Stack<CachedSteps>();
        try
        {
            foreach (var models in engines)
            {
                all.Push(new CachedSteps(models, texts, length, counter));
                all.Peek().RunOnce();
            }

            var (there, added) = (_model.Backend.Memory.Live, counter.Memory.Live);
            long others = there.TotalBytes + added.TotalBytes - added[MemoryOwner.DecodedWeights];
            return new MemoryUse(owner => owner switch
            {
                MemoryOwner.Workspace => Math.Max(there[owner], added[owner]), // the counter includes its scratch from the start
                MemoryOwner.DecodedWeights =>
                    Math.Min(added[owner], (long)(CachedSteps.DecodedShare * Math.Max(0, budgetBytes - others))),
                _ => there[owner] + added[owner],
            });
        }
        finally
        {
            while (all.TryPop(out var steps)) steps.Dispose();
        }
    }

    /// <summary>Whether each engine generates so many texts at a time.</summary>
    /// <param name="texts">As above.</param>
    /// <param name="length">As above.</param>
    public bool Fits(int texts, int length)
    {
        long left = freeBytes - _model.Backend.Memory.LiveBytes, cache = texts * TextBytes(length);
        if (texts > 1 && cache > CacheShare * left) return false;
        var use = Of(texts, length);
        // The last engine finds what the others have left.
        long each = (use[MemoryOwner.KvCache] + use[MemoryOwner.Activations] + use[MemoryOwner.Inputs]) / engines.Count;
        return (texts == 1 || cache <= CacheShare * (left - ((engines.Count - 1) * each))) && use.TotalBytes <= budgetBytes;
    }

    /// <summary>Most texts of a length at a time; 0 if not one fits.</summary>
    public int MostTexts(int length) => Most(MostTried, texts => Fits(texts, length));

    /// <summary>Most tokens of a text, at most the model's context, if there are so many texts; 0 if not one token fits.</summary>
    public int LongestText(int texts) => Most(_model.Config.MaxPositionEmbeddings, length => Fits(texts, length));

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
