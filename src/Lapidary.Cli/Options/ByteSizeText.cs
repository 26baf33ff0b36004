using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Cli.Options;

/// <summary>Sizes in bytes as people write them.</summary>
internal static class ByteSizeText
{
    /// <summary>Reads "24GiB", "2GB" or a plain number of bytes.</summary>
    public static long Parse(string text)
    {
        try
        {
            return ShardSize.Parse(text);
        }
        catch (LapidaryException)
        {
            throw SettingText.Expected("a size such as 2GB, 500MB or 2GiB", text);
        }
    }
}
