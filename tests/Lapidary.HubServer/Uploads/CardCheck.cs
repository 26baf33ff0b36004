using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lapidary.TestHub.Repositories;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Lapidary.TestHub.Uploads;

/// <summary>The Hub's rules for the front matter of a README, as far as they are known. Messages that no source quotes
/// are decided here.</summary>
internal static partial class CardCheck
{
    private static readonly string[] Licenses =
    [
        "apache-2.0", "mit", "openrail", "bigscience-openrail-m", "creativeml-openrail-m", "bigscience-bloom-rail-1.0",
        "bigcode-openrail-m", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear",
        "c-uda", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0",
        "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0",
        "cc-by-nc-sa-4.0", "cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "wtfpl", "ecl-2.0", "epl-1.0", "epl-2.0",
        "etalab-2.0", "eupl-1.1", "eupl-1.2", "agpl-3.0", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "lgpl", "lgpl-2.1", "lgpl-3.0", "isc",
        "lppl-1.3c", "ms-pl", "apple-ascl", "mpl-2.0", "odc-by", "odbl", "openmdw-1.0", "openrail++", "osl-3.0", "postgresql",
        "ofl-1.1", "ncsa", "unlicense", "zlib", "pddl", "lgpl-lr", "deepfloyd-if-license", "fair-noncommercial-research-license",
        "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "llama4", "gemma", "unknown", "other",
    ];

    public static (List<string> Errors, List<string> Warnings) Run(string readme, HubRepoKind kind)
    {
        var (errors, warnings) = (new List<string>(), new List<string>());
        JsonObject? card;
        try
        {
            card = Parse(readme);
        }
        catch (YamlException error)
        {
            errors.Add($"YAML metadata is not valid: {error.Message}");
            return (errors, warnings);
        }

        if (card is null)
        {
            warnings.Add("empty or missing yaml metadata in repo card");
            return (errors, warnings);
        }

        CheckLicense(card, errors, warnings);
        if (card["widget"] is not (null or JsonArray)) errors.Add("\"widget\" must be an array");
        foreach (string key in (string[])["library_name", "pipeline_tag", "base_model_relation", "license_name"])
        {
            if (card.ContainsKey(key) && !IsText(card[key])) errors.Add($"\"{key}\" must be a string");
        }

        foreach (string key in (string[])["tags", "datasets", "metrics", "language"])
        {
            if (card.ContainsKey(key) && !IsTextOrTexts(card[key])) errors.Add($"\"{key}\" must be a string or an array of strings");
        }

        CheckIds(card, "base_model", "https://hf.co/models", errors);
        CheckIds(card, "datasets", "https://hf.co/datasets", errors);
        if (card["base_model_relation"] is { } relation
            && (string?)relation is not ("adapter" or "finetune" or "merge" or "quantized"))
        {
            errors.Add("\"base_model_relation\" must be one of [adapter, finetune, merge, quantized]");
        }

        if (card.ContainsKey("model-index")) CheckModelIndex(card["model-index"], errors);
        if (kind == HubRepoKind.Dataset && card.ContainsKey("configs")) CheckConfigs(card["configs"], errors);
        return (errors, warnings);
    }

    /// <summary>The card as JSON, or null where there is none or none that can be read.</summary>
    public static JsonObject? CardData(string readme)
    {
        try
        {
            return Parse(readme);
        }
        catch (YamlException)
        {
            return null;
        }
    }

    private static void CheckLicense(JsonObject card, List<string> errors, List<string> warnings)
    {
        if (card["license"] is not { } license) return;
        string?[] names = license is JsonArray list ? [.. list.Select(Text)] : [Text(license)];
        if (names.Any(name => !Licenses.Contains(name))) errors.Add($"\"license\" must be one of [{string.Join(", ", Licenses)}]");
        else if (names.Contains("other") && (card["license_name"] is null || card["license_link"] is null))
        {
            warnings.Add("\"license: other\" needs \"license_name\" and \"license_link\"");
        }
    }

    // The text for a bad base_model is not known: decided here.
    private static void CheckIds(JsonObject card, string key, string page, List<string> errors)
    {
        if (card[key] is not { } value || !IsTextOrTexts(value)) return;
        foreach (string id in value is JsonArray list ? list.Select(one => Text(one)!) : [Text(value)!])
        {
            if (!RepoRules.IsId(id)) errors.Add($"\"{key}\" with value \"{id}\" is not valid. Use an id from {page}.");
        }
    }

    private static void CheckModelIndex(JsonNode? index, List<string> errors)
    {
        if (index is not JsonArray models)
        {
            errors.Add("\"model-index\" must be an array");
            return;
        }

        foreach (var (i, model) in models.Index())
        {
            Need(model?["name"], $"model-index[{i}].name");
            if (model?["results"] is not JsonArray results)
            {
                errors.Add($"\"model-index[{i}].results\" must be an array");
                continue;
            }

            foreach (var (j, result) in results.Index())
            {
                string at = $"model-index[{i}].results[{j}]";
                Need(result?["task"]?["type"], at + ".task.type");
                Need(result?["dataset"]?["type"], at + ".dataset.type");
                Need(result?["dataset"]?["name"], at + ".dataset.name");
                if (result?["metrics"] is not JsonArray { Count: > 0 } metrics)
                {
                    errors.Add($"\"{at}.metrics\" must be an array");
                    continue;
                }

                foreach (var (k, metric) in metrics.Index())
                {
                    Need(metric?["type"], $"{at}.metrics[{k}].type");
                    if (metric?["value"] is null) errors.Add($"\"{at}.metrics[{k}].value\" is required");
                }
            }
        }

        void Need(JsonNode? value, string name)
        {
            if (!IsText(value)) errors.Add($"\"{name}\" is required and must be a string");
        }
    }

    private static void CheckConfigs(JsonNode? configs, List<string> errors)
    {
        if (configs is not JsonArray list || list.Any(config => !IsText(config?["config_name"])))
        {
            errors.Add("\"configs\" must be an array of objects with \"config_name\"");
        }
    }

    private static JsonObject? Parse(string readme)
    {
        var block = FrontMatter().Match(readme.Replace("\r\n", "\n"));
        if (!block.Success) return null;
        var stream = new YamlStream();
        stream.Load(new StringReader(block.Groups[1].Value));
        if (stream.Documents.Count == 0) return null;
        return Convert(stream.Documents[0].RootNode) is { } node
            ? node as JsonObject ?? throw new YamlException("the front matter is no mapping") : null;
    }

    private static JsonNode? Convert(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Children.Select(pair =>
            KeyValuePair.Create(((YamlScalarNode)pair.Key).Value ?? "", Convert(pair.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Convert)]),
        YamlScalarNode scalar => Scalar(scalar),
        _ => null,
    };

    // YAML 1.1, as the Hub's clients write it: plain "no" is false and plain 1e-5 a number, which is why such values are quoted.
    private static JsonNode? Scalar(YamlScalarNode scalar)
    {
        string text = scalar.Value ?? "";
        if (scalar.Style is not ScalarStyle.Plain and not ScalarStyle.Any) return text;
        if (text is "" or "~" or "null" or "Null" or "NULL") return null;
        if (text.ToLowerInvariant() is "true" or "yes" or "on") return true;
        if (text.ToLowerInvariant() is "false" or "no" or "off") return false;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole)) return whole;
        bool isNumber = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number);
        return isNumber && double.IsFinite(number) ? number : text;
    }

    private static bool IsText(JsonNode? node) => Text(node) is { Length: > 0 };

    private static bool IsTextOrTexts(JsonNode? node) => IsText(node) || (node is JsonArray list && list.All(IsText));

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    [GeneratedRegex(@"\A\s*---[ \t]*\n(.*?)\n?---[ \t]*(?:\n|\z)", RegexOptions.Singleline)]
    private static partial Regex FrontMatter();
}
