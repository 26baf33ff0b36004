using System.Runtime.CompilerServices;

namespace Lapidary.Tests;

/// <summary>Tests keep no tokenizers in the user's cache.</summary>
internal static class NoUserCache
{
    [ModuleInitializer]
    internal static void Set() => Environment.SetEnvironmentVariable("LAPIDARY_TOKENIZER_CACHE", "none");
}
