namespace Lapidary.Cli.Settings;

/// <summary>What the options of the configuration records do: the summaries of their documentation comments. The build makes a small text
/// of them (OptionTexts.xsl), so that an option is described once and no XML is read at the start.</summary>
internal static class OptionTexts
{
    private static readonly string[] Resources = ["Lapidary.Training.options.txt", "Lapidary.Gemma.options.txt"];

    private static readonly Lazy<Dictionary<string, string>> Texts = new(Read);

    /// <summary>The text of a record's property.</summary>
    public static string Of(Type record, string property) => Texts.Value[$"{record.Name}.{property}"];

    /// <summary>A line for each property: "SftConfig.MaxSteps", a tab, the text.</summary>
    private static Dictionary<string, string> Read()
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string resource in Resources)
        {
            using var reader = new StreamReader(typeof(OptionTexts).Assembly.GetManifestResourceStream(resource)!);
            while (reader.ReadLine() is { } line)
            {
                int tab = line.IndexOf('\t', StringComparison.Ordinal);
                if (tab > 0) texts.Add(line[..tab], line[(tab + 1)..]);
            }
        }

        return texts;
    }
}
