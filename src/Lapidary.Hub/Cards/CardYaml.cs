using System.Globalization;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Lapidary.Hub.Cards;

/// <summary>The front matter of a card: YAML, event by event.</summary>
internal sealed partial class CardYaml
{
    /// <summary>Texts that YAML 1.1, which Python reads, would not read as strings.</summary>
    private static readonly HashSet<string> Words =
        new(["y", "n", "yes", "no", "on", "off", "true", "false", "null"], StringComparer.OrdinalIgnoreCase);

    private readonly Emitter _emitter;

    private CardYaml(TextWriter text) => _emitter = new Emitter(
        text, new EmitterSettings(bestIndent: 2, bestWidth: int.MaxValue, isCanonical: false, maxSimpleKeyLength: 128));

    /// <summary>The lines between the two "---".</summary>
    public static string Of(ModelCard card)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        var yaml = new CardYaml(text);
        yaml.Emit(new StreamStart());
        yaml.Emit(new DocumentStart(null, null, isImplicit: true));
        yaml.Map(() => yaml.Write(card));
        yaml.Emit(new DocumentEnd(isImplicit: true));
        yaml.Emit(new StreamEnd());
        return text.ToString();
    }

    private void Write(ModelCard card)
    {
        string? baseModel = ModelCard.IdOf(card.BaseModel);
        Pair("base_model", baseModel);
        if (baseModel is not null) Pair("base_model_relation", card.BaseModelRelation);
        string[] datasets = [.. card.Datasets.Select(ModelCard.IdOf).OfType<string>().Distinct()];
        List("datasets", datasets);
        Pair("library_name", card.LibraryName);
        Pair("license", card.License);
        Pair("pipeline_tag", card.PipelineTag);
        List("tags", [.. card.Tags.Distinct()]);
        CardResult[] results =
            [.. card.Results.Where(result => double.IsFinite(result.Value) && ModelCard.IdOf(result.Dataset) is not null)];
        if (card.ModelName is null || results.Length == 0) return;
        Key("model-index");
        Sequence(() => Map(() => WriteIndex(card.ModelName, results)));
    }

    private void WriteIndex(string name, CardResult[] results)
    {
        Pair("name", name);
        Key("results");
        Sequence(() =>
        {
            foreach (var group in results.GroupBy(result => (Id: ModelCard.IdOf(result.Dataset)!, result.Split)))
            {
                Map(() =>
                {
                    Key("task");
                    Map(() => Pair("type", "text-generation"));
                    Key("dataset");
                    Map(() =>
                    {
                        Pair("type", group.Key.Id);
                        Pair("name", group.Key.Id);
                        Pair("split", group.Key.Split);
                    });
                    Key("metrics");
                    Sequence(() =>
                    {
                        foreach (var result in group) Map(() => WriteMetric(result));
                    });
                });
            }
        });
    }

    private void WriteMetric(CardResult result)
    {
        Pair("type", result.Metric);
        Key("value");

        // Without an exponent, because YAML 1.1 reads an exponent without a decimal point as a string.
        string value = result.Value.ToString("0.0#####", CultureInfo.InvariantCulture);
        Emit(new Scalar(null, null, value, ScalarStyle.Plain, isPlainImplicit: true, isQuotedImplicit: false));
    }

    private void List(string key, string[] items)
    {
        if (items.Length == 0) return;
        Key(key);
        Sequence(() =>
        {
            foreach (string item in items) Text(item);
        });
    }

    private void Pair(string key, string? value)
    {
        if (string.IsNullOrEmpty(value)) return;
        Key(key);
        Text(value);
    }

    private void Key(string key) => Text(key);

    private void Text(string value)
    {
        bool isPlain = Plain().IsMatch(value) && !Words.Contains(value);
        Emit(new Scalar(
            null, null, value, isPlain ? ScalarStyle.Plain : ScalarStyle.DoubleQuoted, isPlainImplicit: isPlain, isQuotedImplicit: true));
    }

    private void Map(Action content)
    {
        Emit(new MappingStart(null, null, isImplicit: true, MappingStyle.Block));
        content();
        Emit(new MappingEnd());
    }

    private void Sequence(Action content)
    {
        Emit(new SequenceStart(null, null, isImplicit: true, SequenceStyle.Block));
        content();
        Emit(new SequenceEnd());
    }

    private void Emit(ParsingEvent item) => _emitter.Emit(item);

    [GeneratedRegex(@"\A[A-Za-z](?:[A-Za-z0-9_./-]|:(?=[A-Za-z0-9]))*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Plain();
}
