using Lapidary.Training.Configuration;

namespace Lapidary.Training.Tests.Data;

/// <summary>The rules of TRL where nothing else is asked: what the tests of single rules start from.</summary>
internal static class TrlOptions
{
    public static ExampleOptions Default { get; } = new()
    {
        MaxLength = 1024,
        Packing = PackingStrategy.None,
        CompletionOnlyLoss = null,
        AssistantOnlyLoss = false,
        AddSpecialTokens = true,
        AppendConcatToken = false,
    };
}
