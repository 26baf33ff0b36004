using Lapidary.Formats;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Gemma.Model;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Generation;

/// <summary>How many texts of which length get room where memory is short.</summary>
public sealed class TextSlotsTests : IDisposable
{
    private const int Most = 4;

    private readonly ScarceMemory _memory = new();
    private readonly ChosenCpu _backend;
    private readonly GemmaModel _model;
    private readonly StepModel _texts;

    public TextSlotsTests()
    {
        _backend = new ChosenCpu(memory: _memory);
        _model = GemmaModel.Load(Fixtures.Path("tiny/model"), _backend, new ModelOptions { Quantization = QuantizationKind.Nf4 });
        _texts = new StepModel(_model);
    }

    public void Dispose()
    {
        _model.Dispose();
        _backend.Dispose();
    }

    /// <param name="available">Memory is available for the keys and values of so many texts of a length.</param>
    /// <param name="ofLength">That length.</param>
    /// <param name="maxLength">What the first text needs.</param>
    /// <param name="reserved">What a text is to have.</param>
    /// <param name="slots">Texts that get room.</param>
    /// <param name="length">Their length.</param>
    [Theory]
    [InlineData(4, 500, 20, 500, 4, 500)] // all of it
    [InlineData(4, 499, 20, 500, 4, 260)] // half of what is beyond the text's need
    [InlineData(4, 200, 20, 500, 4, 140)] // a quarter
    [InlineData(4, 20, 20, 500, 4, 20)]
    [InlineData(4, 19, 20, 500, 2, 35)] // fewer texts, which then have room again
    [InlineData(1, 300, 200, 500, 1, 275)]
    [InlineData(1, 200, 200, 200, 1, 200)]
    [InlineData(1, 10, 200, 500, 1, 200)] // one text is tried in any case
    public void AText_GetsLessRoom_BeforeThereAreFewerTexts(
        int available, int ofLength, int maxLength, int reserved, int slots, int length)
    {
        using var all = new TextSlots([_texts], Most);
        _memory.Bytes = Available(available, ofLength);

        Assert.Equal(0, all.Count);
        all.Prepare(_texts, maxLength, reserved);

        Assert.Equal((slots, slots, length), (all.Count, all.Free, all.Steps.MaxLength));
    }

    [Fact]
    public void ALongerText_ThatHasRoom_KeepsTheCache()
    {
        using var all = new TextSlots([_texts], Most);
        _memory.Bytes = Available(Most, 200);
        all.Prepare(_texts, 20, reserved: 500);
        var cache = all.Steps;

        all.Prepare(_texts, 140, reserved: 500);
        Assert.Same(cache, all.Steps);

        all.Prepare(_texts, 141, reserved: 500);
        Assert.NotSame(cache, all.Steps);
        Assert.Equal((Most, 185), (all.Count, all.Steps.MaxLength));
    }

    /// <summary>The cache itself fits, but not what its steps need beside it.</summary>
    [Fact]
    public void WhereStepsDoNotFit_ThereAreFewerTexts_AndOneTextAloneIsAnError()
    {
        using var all = new TextSlots([_texts], Most);
        _memory.Most = _memory.LiveBytes + CachedStepsBytes(Most, 100) - 1;
        all.Prepare(_texts, 100, reserved: 500);
        Assert.Equal((2, 100), (all.Count, all.Steps.MaxLength));

        all.Dispose();
        _memory.Most = _memory.LiveBytes + 1000;
        Assert.Throws<LapidaryException>(() => all.Prepare(_texts, 100, reserved: 500));
        Assert.Equal(0, all.Count);
    }

    private long Available(int texts, int length) =>
        (long)Math.Ceiling(KvCache.LengthBytesOf(_model, texts, length, CachedSteps.MaxPieceLength) / TextSlots.ShareOf(engines: 1));

    private long CachedStepsBytes(int slots, int length)
    {
        long before = _memory.LiveBytes;
        using var steps = new CachedSteps(_model, slots, length);
        return _memory.LiveBytes - before;
    }
}
