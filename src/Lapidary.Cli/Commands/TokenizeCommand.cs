using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Commands;

/// <summary>tokenize: converts texts and conversations to token ids.</summary>
internal static class TokenizeCommand
{
    public const string Summary = "Show token ids: a JSON line {\"ids\": [...]} for each row.";

    private static readonly ModelSettings Model = new(QuantizationKind.None);

    private static readonly Option<string?> Text = new("--text") { HelpName = "TEXT", Description = "One text." };

    private static readonly Option<string?> RowsFile =
        new("--file") { HelpName = "FILE", Description = "Rows with text or messages, as for --dataset." };

    private static readonly Setting<bool> AddSpecialTokens = Setting.Flag(
        "add-special-tokens", "Start texts with BOS; conversations have one from their template or the tokenizer.", fallback: true);

    private static readonly Setting<bool> AddGenerationPrompt =
        Setting.Flag("add-generation-prompt", "End conversations with the header of the model's next turn.");

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("tokenize", Summary,
                "--model gemma-3-1b-it --text \"Hello, world!\"",
                "--tokenizer gemma-3-1b-it --file rows.jsonl")
            .Takes(Text, RowsFile)
            .Takes([Model.Model, Model.Adapter, Model.Tokenizer, .. DataSettings.Columns, AddSpecialTokens, AddGenerationPrompt])
            .Takes(ToolCommand.Json)
            .Requires(Model.Tokenizer, Model.Model, Model.Adapter)
            .Requires(Text, RowsFile)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        var values = run.Values;
        string? one = run.Get(Text), path = run.Get(RowsFile);
        if ((one is null) == (path is null)) throw run.Wrong("expected either --text or --file.");
        var tools = ModelFolders.FindTokenizer(run, Model) is { } folder
            ? TextTools.Load(folder, needsTemplate: one is null)
            : TextTools.TryLoad(Model, values, ModelFolders.Find(run, Model), needsTemplate: one is null) ?? throw TextTools.NoTokenizer();
        IEnumerable<int[]> rows = one is not null
            ? [Encode(tools, one, values)]
            : NamedData.ReadAll(run, [path!]).Rows.Select(row => Encode(tools, row, values));
        foreach (int[] ids in rows) JsonResult.Write(run.Terminal.Out, json => json.WriteNumbers("ids", ids));
    }

    private static int[] Encode(TextTools tools, DataRow row, SettingValues values) => row switch
    {
        TextRow text => Encode(tools, text.Text, values),
        MessagesRow messages => Encode(tools, messages, values),
        TokensRow => throw new ToolException($"{row.Origin}: expected text or messages, found input_ids, which are tokens already."),
        _ => throw new ToolException(
            $"{row.Origin}: expected text or messages, found a prompt and its completion; name the one to tokenize with --text-column."),
    };

    private static int[] Encode(TextTools tools, string text, SettingValues values) =>
        values.Get(AddSpecialTokens) ? tools.EncodeText(text) : tools.Tokenizer.Encode(text, addSpecialTokens: false);

    private static int[] Encode(TextTools tools, MessagesRow row, SettingValues values)
    {
        try
        {
            return tools.Template.Encode(tools.Tokenizer, row.Messages, values.Get(AddGenerationPrompt), row.TemplateVariables);
        }
        catch (LapidaryException e)
        {
            throw row.Origin.Error(e);
        }
    }
}
