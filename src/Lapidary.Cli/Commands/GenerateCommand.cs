using System.CommandLine;
using System.Globalization;
using Lapidary.Cli.Options;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Commands;

/// <summary>generate: continues a text, a conversation or ids.</summary>
internal static class GenerateCommand
{
    private static readonly GenerationOptions Defaults = new();

    private static readonly Setting<string?> InputIds = new(
        "input-ids", "1,2,3", "Token ids to continue, as they are; needs no tokenizer.", null, text => text, null);

    private static readonly Setting<bool> Chat = Settings.Flag("chat", "Take the prompt as a user's message and wrap it in the chat template.");
    private static readonly Setting<int> MaxNewTokens = Settings.Integer("max-new-tokens", "Most tokens to generate.", Defaults.MaxNewTokens, 1, 1 << 20);
    private static readonly Setting<bool> DoSample = Settings.Flag("do-sample", "Draw tokens at random; otherwise the likeliest is taken.");
    private static readonly Setting<double?> Temperature =
        Settings.OptionalNumber("temperature", "Logits are divided by it before drawing; the model's generation_config.json where not given.", 1e-4, 1000);

    private static readonly Setting<int?> TopK = Settings.OptionalInteger("top-k", "Draw among this many of the likeliest tokens, 0 for all; as above.", 0);
    private static readonly Setting<double?> TopP =
        Settings.OptionalNumber("top-p", "Draw among the likeliest tokens that together reach it; as above.", 1e-6, 1);
    private static readonly Setting<long> Seed = Settings.Long("seed", "The same seed, prompt and options give the same text.", Defaults.Seed);
    private static readonly Setting<bool> IgnoreEos = Settings.Flag("ignore-eos", "Go on after tokens that end a text.");

    public static Command Create(Terminal terminal)
    {
        var model = new ModelSettings(QuantizationKind.None);
        var prompt = new Option<string?>("--prompt") { HelpName = "TEXT", Description = "Text to continue, after BOS; - reads standard input." };
        var messages = new Option<string?>("--messages")
        {
            HelpName = "FILE",
            Description = "Conversation to continue through the chat template: JSON, a list of messages.",
        };
        var json = CommandBuilder.Json();
        Setting[] settings = [.. model.All, InputIds, Chat, MaxNewTokens, DoSample, Temperature, TopK, TopP, Seed, IgnoreEos];
        return CommandBuilder.Create("generate", "Generate text.",
                "--model gemma-3-1b-it --chat --prompt \"What is a lapidary?\"",
                "--model gemma-3-1b-pt --adapter lapidary-output --tokenizer gemma-3-1b-it --messages question.json --json",
                "--model gemma-3-1b-pt --input-ids 2,651,5765 --max-new-tokens 8")
            .With(prompt, messages).With(settings).With(json)
            .Runs(parsed =>
            {
                var values = new SettingValues(settings, parsed);
                int sources = new[] { parsed.GetValue(prompt), parsed.GetValue(messages), values.Get(InputIds) }.Count(text => text is not null);
                if (sources != 1) throw new UsageException($"expected one of --prompt, --messages and --input-ids, found {sources}.", values.Command);
                var text = TextTools.TryLoad(model, values);
                var ids = PromptIds(parsed.GetValue(prompt), parsed.GetValue(messages), values, text, terminal);
                return Run(model, values, text, ids, parsed.GetValue(json), terminal);
            });
    }

    private static int Run(ModelSettings settings, SettingValues values, TextTools? text, int[] prompt, bool json, Terminal terminal)
    {
        using var session = ModelSession.Open(settings, values);
        var model = session.Model;
        var output = new List<int>();
        var stream = text?.Tokenizer.NewStream(skipSpecialTokens: true);
        using var generator = new TextGenerator(model);
        foreach (int id in generator.Generate(prompt, Options(values, model, text), terminal.Interrupted))
        {
            output.Add(id);
            string part = stream?.Append(id) ?? $"{(output.Count > 1 ? "," : "")}{id}";
            if (!json) Show(terminal.Out, part);
        }

        if (!json)
        {
            Show(terminal.Out, stream?.Finish() ?? "");
            terminal.Out.WriteLine();
        }
        else
        {
            JsonResult.Write(terminal.Out, result =>
            {
                result.WriteNumbers("output_ids", output);
                result.WriteString("text", text?.Tokenizer.Decode([.. output], skipSpecialTokens: true) ?? "");
            });
        }

        return terminal.Interrupted.IsCancellationRequested ? ExitCodes.Interrupted : ExitCodes.Done;
    }

    /// <summary>Model output may hold anything: of the control characters only those of ordinary text reach the screen.</summary>
    private static void Show(TextWriter output, string text)
    {
        if (text.Length == 0) return;
        output.Write(string.Concat(text.Where(c => !char.IsControl(c) || c is '\n' or '\t')));
        output.Flush();
    }

    private static GenerationOptions Options(SettingValues values, GemmaModel model, TextTools? text)
    {
        var makers = GenerationOptions.From(GenerationConfig.Load(model.Folder, model.Config), text?.Tokenizer);
        return makers with
        {
            MaxNewTokens = values.Get(MaxNewTokens),
            DoSample = values.Get(DoSample),
            Temperature = (float?)values.Get(Temperature) ?? makers.Temperature,
            TopK = values.Get(TopK) ?? makers.TopK,
            TopP = (float?)values.Get(TopP) ?? makers.TopP,
            Seed = values.Get(Seed),
            StopTokenIds = values.Get(IgnoreEos) ? [] : makers.StopTokenIds,
        };
    }

    private static int[] PromptIds(string? prompt, string? messages, SettingValues values, TextTools? text, Terminal terminal)
    {
        if (values.Get(InputIds) is { } ids) return ParseIds(ids, values.Command);
        if (text is null) throw new LapidaryException("The model's folder has no tokenizer.json; give --tokenizer DIR, or the prompt as --input-ids.");
        if (messages is not null) return text.Template.Encode(text.Tokenizer, MessagesFile.Read(messages), addGenerationPrompt: true);
        if (prompt == "-") prompt = terminal.In.ReadToEnd();
        return values.Get(Chat) ? text.Template.Encode(text.Tokenizer, [new ChatTurn("user", prompt!)], addGenerationPrompt: true) : text.EncodeText(prompt!);
    }

    private static int[] ParseIds(string text, string command) =>
    [
        .. text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(part =>
            int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                ? id
                : throw new UsageException($"--input-ids: expected token ids with commas between, found \"{part}\".", command)),
    ];
}
