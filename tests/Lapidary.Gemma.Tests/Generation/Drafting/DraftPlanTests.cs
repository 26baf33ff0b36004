using Lapidary.Gemma.Generation.Drafting;

namespace Lapidary.Gemma.Tests.Generation.Drafting;

public class DraftPlanTests
{
    [Theory]
    [InlineData(0.0, 7)] // further rows cost nothing
    [InlineData(0.25, 1)] // 1.5 tokens for 1.25, 1.75 for 1.5
    [InlineData(0.49, 0)] // hardly a gain
    [InlineData(1.0, 0)]
    public void AsManyGuessesAreChecked_AsTheirCostAllows(double furtherRow, int expected) =>
        Assert.Equal([expected], Counts([Repeating(1)], mostRows: 8, rows => 1 + (furtherRow * (rows - 1))));

    [Fact]
    public void NoGuessIsChecked_WithoutACostOrARepeat()
    {
        Assert.Equal([0], Counts([Repeating(1)], mostRows: 8, _ => null));
        Assert.Equal([0], Counts([Guess([1, 2, 3])], mostRows: 8, _ => 1));
    }

    [Fact]
    public void TheStepsRows_AreTheLimit_AndTheLikeliestGuessesComeFirst()
    {
        var often = Repeating(2);
        for (int i = 0; i < 30; i++)
        {
            often.Add(2);
            often.Guess(7, []);
        }

        Assert.Equal([0, 5, 0], Counts([Repeating(1), often, Guess([1, 2, 3])], mostRows: 8, _ => 1));
        Assert.Equal([2, 7, 0], Counts([Repeating(1), often, Guess([1, 2, 3])], mostRows: 12, _ => 1));
    }

    [Fact]
    public void AStepsCost_IsMeasuredFromTheThirdOn_AndEstimatedForMoreRows()
    {
        var costs = new StepCosts();
        Assert.Null(costs.Of(1));
        costs.Add(1, 100);
        costs.Add(1, 90);
        Assert.Null(costs.Of(1));
        costs.Add(1, 8);
        Assert.Equal(8, costs.Of(1));
        Assert.Equal(10, costs.Of(2));
        Assert.Equal(14, costs.Of(4));
        costs.Add(1, 24); // another program ran meanwhile
        Assert.Equal(9, costs.Of(1));
        costs.Add(1, 4);
        Assert.Equal(4, costs.Of(1));
        for (int i = 0; i < 3; i++) costs.Add(4, 6);
        Assert.Equal(6, costs.Of(4));
        Assert.Equal(12, costs.Of(20));
        Assert.Equal(6, costs.Of(3)); // from one row
    }

    /// <summary>A text of one token again and again.</summary>
    private static TextDraft Repeating(int id) => Guess([id, id]);

    private static TextDraft Guess(int[] text)
    {
        var draft = new TextDraft(text, new DraftSuccess());
        draft.Guess(7, []);
        return draft;
    }

    private static int[] Counts(TextDraft[] drafts, int mostRows, Func<int, double?> cost)
    {
        int[] counts = [.. drafts.Select(_ => -1)];
        DraftPlan.Choose(drafts, mostRows, cost, counts);
        return counts;
    }
}
