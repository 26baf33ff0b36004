using System.CommandLine;
using System.Globalization;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Generation;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Ranks;
using Lapidary.Cli.Settings;
using Lapidary.Gemma;
using Lapidary.Gemma.Text;

namespace Lapidary.Cli.Commands;

/// <summary>generate: continues a text, a conversation or ids.</summary>
internal static class GenerateCommand
{
    public const string Summary = "Continue a text or a conversation, or answer the rows of a data set.";

    private static readonly GenerationOptions Defaults = new();

    private static readonly ModelSettings Model = new(QuantizationKind.None);

    private static readonly Option<string?> Prompt =
        new("--prompt") { HelpName = "TEXT", Description = "Text to continue, after BOS; - reads standard input." };

    private static readonly Option<string?> Messages = new("--messages")
    {
        HelpName = "FILE",
        Description = "Conversation to continue through the chat template: JSON, a list of messages, or a row with messages and tools; "
            + "- reads standard input.",
    };

    private static readonly Setting<string?> Output = Setting.Text(
        "output", "FILE", "JSON Lines file for the answers to --dataset; standard output where not given.");

    private static readonly Option<bool> Resume =
        new("--resume") { Description = "Go on with the answers that --output was begun with." };

    private static readonly Setting<string?> InputIds =
        Setting.Text("input-ids", "1,2,3", "Token ids to continue, as they are; needs no tokenizer.");

    private static readonly Setting<bool> Chat =
        Setting.Flag("chat", "Take the prompt as a user's message and wrap it in the chat template.");

    private static readonly Setting<int> MaxNewTokens =
        Setting.Integer("max-new-tokens", "Most tokens to generate.", Defaults.MaxNewTokens, 1, 1 << 20);

    private static readonly Setting<bool> DoSample =
        Setting.Flag("do-sample", "Draw tokens at random; otherwise the likeliest is taken.");

    private static readonly Setting<double?> Temperature = Setting.OptionalNumber(
        "temperature", "Logits are divided by it before drawing, 0 for the likeliest; the model's generation_config.json where not given.",
        0, 1000);

    private static readonly Setting<int?> TopK =
        Setting.OptionalInteger("top-k", "Draw among this many of the likeliest tokens, 0 for all; as above.", 0);

    private static readonly Setting<double?> TopP =
        Setting.OptionalNumber("top-p", "Draw among the likeliest tokens that together reach it; as above.", 1e-6, 1);

    private static readonly Setting<long> Seed =
        Setting.Long("seed", "The same seed, prompt and options give the same text.", Defaults.Seed);

    private static readonly Setting<bool> IgnoreEos = Setting.Flag("ignore-eos", "Go on after tokens that end a text.");

    /// <summary>The sampling options of every command that generates.</summary>
    internal static IReadOnlyList<Setting> Sampling => [DoSample, Temperature, TopK, TopP, Seed];

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("generate", Summary,
                "--model gemma-3-1b-it --chat --prompt \"What is a lapidary?\"",
                "--model gemma-3-1b-pt --adapter lapidary-output --tokenizer gemma-3-1b-it --messages question.json --json",
                "--model gemma-3-1b-pt --input-ids 2,651,5765 --max-new-tokens 8",
                "--model merged --dataset test.jsonl --template text-to-sql --output answers.jsonl --device cuda:all")
            .Takes(Prompt, Messages)
            .Takes([DataSettings.DataSet, Output])
            .Takes(Resume)
            .Takes(DataSettings.Columns)
            .Takes([RankSettings.DdpTimeout])
            .Takes(Model.All)
            .Takes(InputIds, Chat, MaxNewTokens, DoSample, Temperature, TopK, TopP, Seed, IgnoreEos)
            .Takes(ToolCommand.Json)
            .Requires(Model.Model, Model.Adapter)
            .Requires(Prompt, Messages, InputIds.Option, DataSettings.DataSet.Option)
            .Runs(terminal, Run);

    private static int Run(CommandRun run)
    {
        var values = run.Values;
        bool[] sources =
        [
            run.Get(Prompt) is not null, run.Get(Messages) is not null, values.IsGiven(InputIds), values.IsGiven(DataSettings.DataSet),
        ];
        if (sources.Count(isGiven => isGiven) is > 1 and var found)
            throw run.Wrong($"expected one of --prompt, --messages, --input-ids and --dataset, found {found}.");
        if (values.IsGiven(DataSettings.DataSet)) return AnswerDataSet(run);
        RefuseOptionsOfADataSet(run);
        var folders = ModelFolders.Find(run, Model);
        var text = TextTools.TryLoad(Model, values, folders);
        int[] prompt = PromptIds(run, text);
        if (PromptNote(run, folders) is { } form) run.Note(form);

        using var session = ModelSession.Open(run, Model, folders.FetchWeights(run));
        foreach (string note in session.Notes) run.Note(note);
        var model = session.Model;
        var output = new List<int>();
        var stream = text?.Tokenizer.NewStream(skipSpecialTokens: true);
        var makers = GenerationConfig.Load(model.Folder, model.Config);
        foreach (string note in Notes(values, makers)) run.Note(note);
        using var generator = new TextGenerator(model);
        IDisposable? graceful = null;
        var options = Options(values, makers, GenerationOptions.From(makers, text?.Tokenizer));
        foreach (int id in generator.Generate(prompt, options, run.Interrupted))
        {
            graceful ??= run.EndsGracefully(); // reading the prompt asks nobody
            output.Add(id);
            string part = stream?.Append(id) ?? $"{(output.Count > 1 ? "," : "")}{id}";
            if (!run.IsJson) Show(run.Terminal.Out, part);
        }

        graceful?.Dispose();
        run.Print(
            json =>
            {
                json.WriteNumbers("output_ids", output);
                json.WriteString("text", text?.Tokenizer.Decode([.. output], skipSpecialTokens: true) ?? "");
            },
            people =>
            {
                Show(people, stream?.Finish() ?? "");
                people.WriteLine();
            });
        return run.Interrupted.IsCancellationRequested ? ExitCodes.Interrupted : ExitCodes.Done;
    }

    private static int AnswerDataSet(CommandRun run)
    {
        if (run.Values.IsGiven(Chat))
            throw run.Wrong($"--{Chat.Name} is for --prompt; rows say themselves whether they are conversations.");
        return new DatasetGeneration(run, Model, Options, run.Values.Get(Output), run.Get(Resume)).Run();

        GenerationOptions Options(string folder, TextTools? text)
        {
            var makers = GenerationConfig.Load(folder, GemmaConfig.Load(folder));
            foreach (string note in Notes(run.Values, makers)) run.Note(note);
            return GenerateCommand.Options(run.Values, makers, GenerationOptions.From(makers, text?.Tokenizer));
        }
    }

    private static void RefuseOptionsOfADataSet(CommandRun run)
    {
        Setting[] ofRows = [Output, .. DataSettings.Columns];
        string[] given = [.. ofRows.Where(run.Values.IsGiven).Select(setting => setting.Name)];
        if (run.Get(Resume)) given = [.. given, "resume"];
        if (given.Length > 0) throw run.Wrong($"--{given[0]} is for --dataset.");
    }

    /// <summary>Model output may contain anything: only the control characters of ordinary text reach the screen.</summary>
    private static void Show(TextWriter output, string text)
    {
        if (text.Length == 0) return;
        output.Write(PlainText.WithoutControls(text));
        output.Flush();
    }

    /// <summary>A warning that the prompt has another form than the training data; null if it has the same form, or if this is
    /// unknown.</summary>
    private static string? PromptNote(CommandRun run, ModelFolders folders)
    {
        if (run.Get(Prompt) is null) return null;
        bool isAdapter = folders.Adapter is not null;
        string what = isAdapter ? "adapter" : "model";
        return (isAdapter ? PromptKind.IsChat(folders.Adapter!) : PromptKind.IsChat(folders.Model), run.Values.Get(Chat)) switch
        {
            (true, false) => $"the {what} was trained on conversations: add --{Chat.Name} to --prompt TEXT, or give --messages FILE.",
            (false, true) => $"the {what} was trained on plain text, without a chat template: leave --{Chat.Name} out.",
            _ => null,
        };
    }

    /// <summary>Options without an effect.</summary>
    internal static IEnumerable<string> Notes(SettingValues values, GenerationConfig makers)
    {
        if (makers.Ignored.Count > 0) yield return $"{GenerationConfig.FileName}: not applied: {string.Join(", ", makers.Ignored)}.";
        string[] given = [.. new Setting[] { Temperature, TopK, TopP }.Where(values.IsGiven).Select(setting => $"--{setting.Name}")];
        if (given.Length > 0 && !values.Get(DoSample))
            yield return $"{string.Join(", ", given)}: no effect without --{DoSample.Name}; the likeliest token is taken.";
        if (values.Get(DoSample) && values.Get(Temperature) is null && makers.Temperature == 0)
            yield return $"{GenerationConfig.FileName}: temperature 0 takes the likeliest token; --{Temperature.Name} draws others.";
    }

    internal static GenerationOptions Options(SettingValues values, GenerationConfig makers, GenerationOptions options) => options with
    {
        MaxNewTokens = values.Get(MaxNewTokens),
        DoSample = values.Get(DoSample) && (values.Get(Temperature) ?? makers.Temperature) > 0,
        Temperature = values.Get(Temperature) is > 0 and double chosen ? (float)chosen : options.Temperature,
        TopK = values.Get(TopK) ?? options.TopK,
        TopP = (float?)values.Get(TopP) ?? options.TopP,
        Seed = values.Get(Seed),
        StopTokenIds = values.Get(IgnoreEos) ? [] : options.StopTokenIds,
    };

    private static int[] PromptIds(CommandRun run, TextTools? text)
    {
        if (run.Values.Get(InputIds) is { } ids) return ParseIds(ids, run);
        if (text is null) throw TextTools.NoTokenizer();
        if (run.Get(Messages) is { } file)
        {
            var row = MessagesFile.Read(file, run.Terminal.In);
            return text.Template.Encode(text.Tokenizer, row.Messages, addGenerationPrompt: true, row.TemplateVariables);
        }

        string prompt = run.Get(Prompt)!;
        if (prompt == "-") prompt = run.Terminal.In.ReadToEnd();
        return run.Values.Get(Chat)
            ? text.Template.Encode(text.Tokenizer, [new ChatTurn("user", prompt)], addGenerationPrompt: true)
            : text.Tokenizer.EncodePrompt(prompt);
    }

    private static int[] ParseIds(string text, CommandRun run) =>
    [
        .. text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(part =>
            int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                ? id
                : throw run.Wrong($"--input-ids: expected token ids with commas between, found \"{part}\".")),
    ];
}
