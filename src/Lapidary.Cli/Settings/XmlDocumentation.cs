using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Lapidary.Cli.CommandLine;

namespace Lapidary.Cli.Settings;

/// <summary>Help text out of the documentation comments of the configuration records, which the build embeds (Lapidary.Cli.csproj), so that
/// an option is described once.</summary>
internal static partial class XmlDocumentation
{
    private static readonly Lazy<Dictionary<string, string>> Summaries = new(Read);

    /// <summary>A property's summary, with references to other properties as option names.</summary>
    public static string SummaryOf(PropertyInfo property) => SummaryOf(property.DeclaringType!, property.Name);

    /// <summary>A property's summary.</summary>
    public static string SummaryOf(Type type, string property) => Summaries.Value[$"P:{type.FullName}.{property}"];

    private static Dictionary<string, string> Read()
    {
        var summaries = new Dictionary<string, string>(StringComparer.Ordinal);
        var assembly = typeof(XmlDocumentation).Assembly;
        foreach (string resource in assembly.GetManifestResourceNames().Where(name => name.EndsWith(".xml", StringComparison.Ordinal)))
        {
            using var stream = assembly.GetManifestResourceStream(resource)!;
            foreach (var member in XDocument.Load(stream).Descendants("member"))
            {
                if (member.Attribute("name")?.Value is { } name && member.Element("summary") is { } summary)
                    summaries[name] = TextOf(summary);
            }
        }

        return summaries;
    }

    private static string TextOf(XElement summary)
    {
        var text = new StringBuilder();
        foreach (var node in summary.Nodes())
        {
            if (node is XText words) text.Append(words.Value);
            else if (node is XElement reference && reference.Attribute("cref")?.Value is { } cref)
                text.Append("--").Append(SettingText.Snake(cref[(cref.LastIndexOf('.') + 1)..]).Replace('_', '-'));
        }

        return WhiteSpace().Replace(text.ToString(), " ").Trim();
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();
}
