using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Settings;
using Lapidary.Gemma;
using Lapidary.Gemma.Text;

namespace Lapidary.Cli.Chat;

/// <summary>chat: a conversation on the screen, or with the lines of a pipe.</summary>
internal static class ChatCommand
{
    public const string Summary = "Talk to a model: each line is a question. /help lists what else can be typed.";

    /// <summary>Longer than an answer of generate, because the user reads it as it appears and can stop it.</summary>
    private const int DefaultMaxNewTokens = 1024;

    private static readonly ModelSettings Model = new(QuantizationKind.None);

    private static readonly Setting<string?> SystemText =
        Setting.Text("system", "TEXT", "What the model is told before the conversation.");

    private static readonly Setting<int> MaxNewTokens =
        Setting.Integer("max-new-tokens", "Most tokens of an answer.", DefaultMaxNewTokens, 1, 1 << 20);

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("chat", Summary,
                "--model google/gemma-3-1b-it",
                "--model google/gemma-3-1b-pt --adapter my-adapter --system \"Answer with SQL alone.\"",
                "--model merged --json")
            .Takes(Model.All)
            .Takes([SystemText, MaxNewTokens, .. SamplingSettings.All])
            .Takes(ToolCommand.Json)
            .Requires(Model.Model, Model.Adapter)
            .Runs(terminal, Run);

    private static int Run(CommandRun run)
    {
        var values = run.Values;
        var folders = ModelFolders.Find(run, Model);
        var text = TextTools.TryLoad(Model, values, folders) ?? throw new ToolException(
            $"{folders.Model}: expected a tokenizer.json to talk by, found none; give the folder or id of one with --tokenizer.");
        var conversation = new Conversation(text) { System = values.Get(SystemText) };
        conversation.Encode("?"); // a template that refuses the system message does so before gigabytes are read

        if (PromptKind.IsChat(folders.Adapter ?? folders.Model) == false)
        {
            run.Note(
                "the model was trained on plain text, without a chat template, and may not answer here as it learned; 'lapidary generate "
                + "--prompt TEXT' asks it in that form.");
        }

        var config = GemmaConfig.Load(folders.Model);
        var makers = GenerationConfig.Load(folders.Model, config);
        foreach (string note in SamplingSettings.Notes(values, makers)) run.Note(note);
        var options = SamplingSettings.Options(values, GenerationOptions.From(makers, text.Tokenizer), config) with
        {
            MaxNewTokens = values.Get(MaxNewTokens),
        };
        using var session = ModelSession.Open(run, Model, folders.FetchWeights(run));
        foreach (string note in session.Notes) run.Note(note);
        using var answers = new ChatAnswers(session.Model, text.Tokenizer, options, SamplingSettings.Stops(values));
        if (run.Terminal.Ask is not null)
        {
            string adapter = values.Get(Model.Adapter) is { } given ? $" with {given}" : "";
            run.Terminal.Error.WriteLine(
                $"{values.Get(Model.Model)}{adapter} on {session.Backend.Description}; /help lists commands, Ctrl-D ends the chat.");
        }

        return new ChatLoop(run, conversation, answers).Run();
    }
}
