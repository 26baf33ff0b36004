using System.CommandLine;
using System.Text;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Generation;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Ranks;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.Gemma.Text;

namespace Lapidary.Cli.Commands;

/// <summary>generate: continues a text, a conversation or ids.</summary>
internal static class GenerateCommand
{
    public const string Summary = "Continue a text or a conversation, or answer the rows of a data set.";

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
        Setting.Integer("max-new-tokens", "Most tokens to generate.", new GenerationOptions().MaxNewTokens, 1, 1 << 20);

    private static readonly Setting<bool> IgnoreEos = Setting.Flag("ignore-eos", "Go on after tokens that end a text.");

    private static readonly Setting<string?> JsonSchema = Setting.Text(
        "json-schema", "FILE", "JSON schema that each answer has, unless it is cut; tokens that would break it are not chosen.");

    private static readonly Setting<int?> BatchSize = Setting.OptionalInteger(
        "batch-size", "Most rows of --dataset to answer at a time on a device; fewer if memory is short. No answer depends on it.", 1,
        4096);

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
            .Takes(InputIds, Chat, MaxNewTokens)
            .Takes([.. SamplingSettings.All, IgnoreEos, JsonSchema, BatchSize])
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
        if (values.Get(JsonSchema) is not null && values.Get(IgnoreEos))
            throw run.Wrong($"--{JsonSchema.Name}: an answer in JSON ends by a token that ends texts; leave --{IgnoreEos.Name} out.");
        var schema = values.Get(JsonSchema) is { } file ? JsonSchemaFile.Read(file) : null;
        if (values.IsGiven(DataSettings.DataSet)) return AnswerDataSet(run, schema);
        RefuseOptionsOfADataSet(run);
        var folders = ModelFolders.Find(run, Model);
        var text = TextTools.TryLoad(Model, values, folders);
        if (schema is not null && text is null) throw TextTools.NoTokenizer();
        int[] prompt = PromptIds(run, text);
        if (PromptNote(run, folders) is { } form) run.Note(form);
        if (ContextNote(run, GemmaConfig.Load(folders.Model), prompt.Length) is { } cut) run.Note(cut);
        var options = Options(run, folders.Model, text, schema);

        using var session = ModelSession.Open(run, Model, folders.FetchWeights(run));
        foreach (string note in session.Notes) run.Note(note);
        var model = session.Model;
        var output = new List<int>();
        var answer = text is null ? null : new AnswerText(text.Tokenizer, SamplingSettings.Stops(values));
        var shown = new StringBuilder();
        using var generator = new TextGenerator(model);
        IDisposable? graceful = null;
        foreach (int id in generator.Generate(prompt, options, run.Interrupted))
        {
            graceful ??= run.EndsGracefully(); // reading the prompt asks nobody
            output.Add(id);
            string part = answer is null ? $"{(output.Count > 1 ? "," : "")}{id}" : answer.Append(id);
            shown.Append(part);
            if (!run.IsJson) Show(run.Terminal.Out, part);
            if (answer is { IsStopped: true }) break;
        }

        string rest = answer?.Finish() ?? "";

        graceful?.Dispose();
        run.Print(
            json =>
            {
                json.WriteNumbers("output_ids", output);
                json.WriteString("text", answer is null ? "" : shown.Append(rest).ToString());
            },
            people =>
            {
                Show(people, rest);
                people.WriteLine();
            });
        if (run.Interrupted.IsCancellationRequested) return ExitCodes.Interrupted;
        // Where the context is what ends it, this was said before; who gave a limit expects it.
        bool isCut = output.Count == options.MaxNewTokens && answer is not { IsStopped: true };
        if (isCut && !values.IsGiven(MaxNewTokens) && !values.Get(IgnoreEos))
            run.Note($"the answer was cut after {Amount.Of(output.Count, "token")}; --{MaxNewTokens.Name} takes more.");
        return ExitCodes.Done;
    }

    private static int AnswerDataSet(CommandRun run, JsonSchemaFile? schema)
    {
        if (run.Values.IsGiven(Chat))
            throw run.Wrong($"--{Chat.Name} is for --prompt; rows say themselves whether they are conversations.");
        var settings = new AnswerSettings(
            Options, SamplingSettings.Stops(run.Values), run.Values.Get(BatchSize) ?? 0,
            run.Values.Get(Output) is "-" ? null : run.Values.Get(Output), run.Get(Resume),
            schema?.Text);
        return new DatasetGeneration(run, Model, settings).Run();

        GenerationOptions Options(string folder, TextTools? text)
        {
            if (schema is not null && text is null) throw TextTools.NoTokenizer();
            return GenerateCommand.Options(run, folder, text, schema);
        }
    }

    private static void RefuseOptionsOfADataSet(CommandRun run)
    {
        Setting[] ofRows = [Output, BatchSize, .. DataSettings.Columns];
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
        bool isPrompt = run.Get(Prompt) is not null, isMessages = run.Get(Messages) is not null;
        if (!isPrompt && !isMessages) return null;
        string what = folders.Adapter is null ? "model" : "adapter";
        return (PromptKind.IsChat(folders.Adapter ?? folders.Model), isMessages || run.Values.Get(Chat)) switch
        {
            (false, true) when isMessages => $"the {what} was trained on plain text, without a chat template: give --prompt TEXT.",
            (true, false) => $"the {what} was trained on conversations: add --{Chat.Name} to --prompt TEXT, or give --messages FILE.",
            (false, true) => $"the {what} was trained on plain text, without a chat template: leave --{Chat.Name} out.",
            _ => null,
        };
    }

    /// <summary>A warning that the answer may end at the end of the model's context; null if there is room for all of it.</summary>
    /// <exception cref="Formats.LapidaryException">The prompt alone does not fit.</exception>
    private static string? ContextNote(CommandRun run, GemmaConfig config, int promptTokens)
    {
        int room = ContextRoom.Require(config, promptTokens), most = run.Values.Get(MaxNewTokens);
        return most <= room ? null : $"the prompt has {promptTokens} of the {config.MaxPositionEmbeddings} tokens of the model's context: "
            + $"the answer is cut after {Amount.Of(room, "token")}, before --{MaxNewTokens.Name} {most}.";
    }

    /// <summary>How tokens are chosen, with notes about what has no effect.</summary>
    private static GenerationOptions Options(CommandRun run, string model, TextTools? text, JsonSchemaFile? schema)
    {
        var (values, config) = (run.Values, GemmaConfig.Load(model));
        var makers = GenerationConfig.Load(model, config);
        foreach (string note in SamplingSettings.Notes(values, makers)) run.Note(note);
        var options = SamplingSettings.Options(values, GenerationOptions.From(makers, text?.Tokenizer), config);
        return options with
        {
            MaxNewTokens = values.Get(MaxNewTokens),
            StopTokenIds = values.Get(IgnoreEos) ? SamplingSettings.StopIds(values, config) : options.StopTokenIds,
            Form = schema is null ? null : new TokenForm(schema.Form, text!.Tokenizer),
        };
    }

    private static int[] PromptIds(CommandRun run, TextTools? text)
    {
        if (run.Values.Get(InputIds) is { } ids) return SamplingSettings.Ids(InputIds, ids, run.Values.Command);
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
}
