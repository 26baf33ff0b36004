using System.Globalization;
using Lapidary.Cli.CommandLine;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Settings;

/// <summary>How tokens are chosen and what ends a text, for every command that generates.</summary>
internal static class SamplingSettings
{
    private static readonly GenerationOptions Defaults = new();

    private static readonly Setting<bool> DoSample =
        Setting.Flag("do-sample", "Draw tokens at random; otherwise the likeliest is taken.");

    private static readonly Setting<double?> Temperature = Number(
        "temperature", "Logits are divided by it before drawing, 0 for the likeliest; the model's generation_config.json where not given.",
        nameof(GenerationOptions.Temperature));

    private static readonly Setting<int?> TopK = Integer(
        "top-k", "Draw among this many of the likeliest tokens, 0 or -1 for all; as above.", nameof(GenerationOptions.TopK));

    private static readonly Setting<double?> TopP = Number(
        "top-p", "Draw among the likeliest tokens that together reach it, 0 for the likeliest; as above.", nameof(GenerationOptions.TopP));

    private static readonly Setting<double?> MinP = Number(
        "min-p", "Draw among tokens of at least this probability, relative to the likeliest, 0 for all; as above.",
        nameof(GenerationOptions.MinP));

    private static readonly Setting<double?> RepetitionPenalty = Number(
        "repetition-penalty", "Divide the logits of tokens that occurred already, 1 for none; as above.",
        nameof(GenerationOptions.RepetitionPenalty));

    private static readonly Setting<long> Seed =
        Setting.Long("seed", "The same seed, prompt and options give the same text.", Defaults.Seed);

    private static readonly SettingList Stop =
        new("stop", "TEXT", "End before this text; it is not part of the output. May be repeated.");

    private static readonly Setting<string?> StopTokenIds =
        Setting.Text("stop-token-ids", "1,2,3", "End at these tokens too.");

    /// <summary>In the order of the help text.</summary>
    public static IReadOnlyList<Setting> All =>
        [DoSample, Temperature, TopK, TopP, MinP, RepetitionPenalty, Seed, Stop, StopTokenIds];

    /// <summary>The seed of the command.</summary>
    public static long SeedOf(SettingValues values) => values.Get(Seed);

    /// <summary>The texts that end an answer.</summary>
    public static IReadOnlyList<string> Stops(SettingValues values) => values.Get(Stop);

    /// <summary>The ids of --stop-token-ids.</summary>
    /// <param name="values">The command's.</param>
    /// <param name="config">The model's.</param>
    /// <exception cref="UsageException">They are not ids, or are beyond the vocabulary.</exception>
    public static IReadOnlyList<int> StopIds(SettingValues values, GemmaConfig config)
    {
        if (values.Get(StopTokenIds) is not { } text) return [];
        int[] ids = Ids(StopTokenIds, text, values.Command);
        int beyond = Array.FindIndex(ids, id => id >= config.VocabSize);
        return beyond < 0 ? ids : throw new UsageException(
            $"--{StopTokenIds.Name}: expected ids from 0 to {config.VocabSize - 1}, the model's vocabulary, found {ids[beyond]}; leave it "
            + "out.", values.Command);
    }

    /// <summary>Token ids with commas or blanks between.</summary>
    /// <exception cref="UsageException">They are not ids.</exception>
    public static int[] Ids(Setting setting, string text, string command) =>
    [
        .. text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(part =>
            int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                ? id
                : throw new UsageException(
                    $"--{setting.Name}: expected token ids with commas between, found \"{part}\".", command)),
    ];

    /// <summary>Options without an effect.</summary>
    /// <param name="values">The command's.</param>
    /// <param name="makers">The model's generation_config.json.</param>
    public static IEnumerable<string> Notes(SettingValues values, GenerationConfig makers)
    {
        if (makers.Ignored.Count > 0) yield return $"{GenerationConfig.FileName}: not applied: {string.Join(", ", makers.Ignored)}.";
        string[] given = [.. new Setting[] { Temperature, TopK, TopP, MinP }.Where(values.IsGiven).Select(setting => $"--{setting.Name}")];
        if (given.Length > 0 && !values.Get(DoSample))
            yield return $"{string.Join(", ", given)}: no effect without --{DoSample.Name}; the likeliest token is taken.";
        if (!values.Get(DoSample)) yield break;
        foreach (var (setting, key, value) in new[] { (Temperature, "temperature", makers.Temperature), (TopP, "top_p", makers.TopP) })
        {
            if (value == 0 && values.Get(setting) is null)
                yield return $"{GenerationConfig.FileName}: \"{key}\": 0 takes the likeliest token; --{setting.Name} draws others.";
        }
    }

    /// <summary>A number of <see cref="GenerationOptions"/>, within its limits there.</summary>
    public static Setting<double?> Number(string name, string help, string property)
    {
        var range = RecordLimits.Of<GenerationOptions>(property);
        return Setting.OptionalNumber(name, help, (double)range.Minimum, (double)range.Maximum);
    }

    /// <summary>A whole number of <see cref="GenerationOptions"/>, within its limits there.</summary>
    public static Setting<int?> Integer(string name, string help, string property)
    {
        var range = RecordLimits.Of<GenerationOptions>(property);
        return Setting.OptionalInteger(name, help, (int)range.Minimum, (int)range.Maximum);
    }

    /// <summary>The model's options with the given ones applied.</summary>
    /// <exception cref="UsageException">See <see cref="StopIds"/>.</exception>
    public static GenerationOptions Options(SettingValues values, GenerationOptions options, GemmaConfig config) => options with
    {
        DoSample = values.Get(DoSample),
        Temperature = (float?)values.Get(Temperature) ?? options.Temperature,
        TopK = values.Get(TopK) ?? options.TopK,
        TopP = (float?)values.Get(TopP) ?? options.TopP,
        MinP = (float?)values.Get(MinP) ?? options.MinP,
        RepetitionPenalty = (float?)values.Get(RepetitionPenalty) ?? options.RepetitionPenalty,
        Seed = values.Get(Seed),
        StopTokenIds = [.. options.StopTokenIds, .. StopIds(values, config)],
    };
}
