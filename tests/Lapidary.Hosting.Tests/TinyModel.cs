using Lapidary.Tests;
using Lapidary.TextToSql;

namespace Lapidary.Hosting.Tests;

/// <summary>The built-in model, written once for all tests.</summary>
internal static class TinyModel
{
    private static readonly Lazy<string> Written = new(() =>
    {
        string folder = Path.Combine(Fixtures.TemporaryFolder(), "tiny");
        TinyGemma.Write(folder);
        return folder;
    });

    /// <summary>Its folder.</summary>
    public static string Folder => Written.Value;
}
