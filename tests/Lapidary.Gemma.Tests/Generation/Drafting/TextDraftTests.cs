using Lapidary.Gemma.Generation.Drafting;

namespace Lapidary.Gemma.Tests.Generation.Drafting;

public class TextDraftTests
{
    [Theory]
    [InlineData(new[] { 1, 2, 3 }, new int[0])] // nothing repeats
    [InlineData(new[] { 7 }, new int[0])]
    [InlineData(new[] { 1, 2, 3, 4, 5, 6, 7, 8, 1 }, new[] { 2, 3, 4, 5, 6, 7, 8 })]
    [InlineData(new[] { 1, 2, 3, 9, 2, 4, 8, 1, 2 }, new[] { 3, 9, 2, 4, 8, 1, 2 })] // "1 2" is longer than "2"
    [InlineData(new[] { 5, 1, 5, 2, 5, 3, 5 }, new[] { 3, 5, 3, 5, 3, 5, 3 })] // the last of equals, and on from its own beginning
    [InlineData(new[] { 4, 4, 4 }, new[] { 4, 4, 4, 4, 4, 4, 4 })]
    [InlineData(new[] { 1, 2, 99, 3, 1 }, new[] { 2 })] // nothing follows a stop token
    public void WhatFollowsTheLongestEarlierSequence_IsGuessed(int[] text, int[] expected)
    {
        var draft = new TextDraft(text, new DraftSuccess());
        draft.Guess(most: 7, stopIds: [99]);
        Assert.Equal(expected, Guessed(draft));
    }

    [Fact]
    public void NoMoreTokensAreGuessed_ThanMayFollow()
    {
        var draft = new TextDraft([1, 2, 3, 1], new DraftSuccess());
        draft.Guess(most: 2, stopIds: []);
        Assert.Equal([2, 3], Guessed(draft));
        draft.Guess(most: 0, stopIds: []);
        Assert.Equal(0, draft.Count);
        draft.Guess(most: -1, stopIds: []);
        Assert.Equal(0, draft.Count);
    }

    [Fact]
    public void TokensThatWereAdded_AreSearchedToo()
    {
        var draft = new TextDraft([1], new DraftSuccess());
        foreach (int id in new[] { 8, 9, 2, 8 }) draft.Add(id);
        draft.Guess(most: 3, stopIds: []);
        Assert.Equal([9, 2, 8], Guessed(draft));
    }

    [Fact]
    public void AToken_IsComparedWithItsGuess_AsLongAsThoseBeforeItWereRight()
    {
        var draft = new TextDraft([1, 2, 3, 4, 1], new DraftSuccess());
        draft.Guess(most: 7, stopIds: []);
        Assert.True(draft.Add(2));
        Assert.True(draft.Add(3));
        Assert.False(draft.Add(5));
        Assert.False(draft.Add(1)); // was guessed, but after another token
    }

    /// <summary>A text whose guesses fail soon expects less of them, other texts later. A longer sequence is judged by its own
    /// guesses.</summary>
    [Fact]
    public void Guesses_AreJudgedByThoseBefore()
    {
        var all = new DraftSuccess();
        var draft = new TextDraft([1, 2, 1], all);
        draft.Guess(most: 1, stopIds: []);
        double before = draft.Success(0), longer = draft.Success(1);
        for (int i = 0; i < 8; i++)
        {
            draft.Add(100 + i);
            draft.Add(1);
            draft.Guess(most: 1, stopIds: []);
        }

        Assert.InRange(draft.Success(0), 0.3 * before, 0.4 * before);
        Assert.Equal(longer, draft.Success(1));
        Assert.InRange(all.Of(1), 0.75 * before, 0.8 * before);
        Assert.Equal(all.Of(1), new DraftSuccess(all).Of(1));
    }

    [Fact]
    public void SequencesBeyondTheLongest_ShareTheirSuccess()
    {
        var success = new DraftSuccess();
        success.Add(DraftSuccess.Longest + 5, right: true);
        Assert.Equal(success.Of(DraftSuccess.Longest), success.Of(100));
        Assert.True(success.Of(100) > success.Of(1));
    }

    private static int[] Guessed(TextDraft draft) => [.. Enumerable.Range(0, draft.Count).Select(i => draft[i])];
}
