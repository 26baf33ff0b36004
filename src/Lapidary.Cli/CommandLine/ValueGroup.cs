using Lapidary.Formats.Files;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Lapidary.Cli.CommandLine;

/// <summary>Several settings in one value, as Python has them in dataset_kwargs: {"add_special_tokens": false}. Dictionaries of JSON and of
/// Python are both YAML.</summary>
internal static class ValueGroup
{
    private const int MaxLength = 1 << 16;

    /// <summary>The keys with their values; an inner group's keys stand beside those of the outer one, and what is null is left
    /// out.</summary>
    /// <exception cref="FormatException">The text is not a dictionary of plain values.</exception>
    public static IReadOnlyList<(string Key, string Value)> Read(string text)
    {
        if (text.Length > MaxLength || !text.TrimStart().StartsWith('{')) throw Expected(text);
        var found = new List<(string Key, string Value)>();
        try
        {
            var parser = new Parser(new StringReader(text));
            parser.Consume<StreamStart>();
            parser.Consume<DocumentStart>();
            ReadMapping(parser, found, isInner: false);
            parser.Consume<DocumentEnd>();
            parser.Consume<StreamEnd>();
        }
        catch (Exception e) when (e is YamlException or InvalidOperationException)
        {
            throw Expected(text);
        }

        return found;
    }

    private static void ReadMapping(Parser parser, List<(string, string)> found, bool isInner)
    {
        parser.Consume<MappingStart>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            string key = parser.Consume<Scalar>().Value;
            if (parser.Accept<MappingStart>(out _) && !isInner) ReadMapping(parser, found, isInner: true);
            else if (parser.TryConsume<SequenceStart>(out _)) found.Add((key, ReadList(parser)));
            else if (parser.Consume<Scalar>() is var scalar && !(scalar.IsPlainImplicit && IsNull(scalar.Value)))
                found.Add((key, scalar.Value));
        }
    }

    private static string ReadList(Parser parser)
    {
        var items = new List<string>();
        while (!parser.TryConsume<SequenceEnd>(out _)) items.Add(parser.Consume<Scalar>().Value);
        return string.Join(',', items);
    }

    private static bool IsNull(string text) => text is "" or "~" or "null" or "None";

    private static FormatException Expected(string text) =>
        new($"expected a dictionary such as {{\"key\": value}}, found \"{FileErrors.OneLine(text)}\"");
}
