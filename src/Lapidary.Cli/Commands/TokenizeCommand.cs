using System.CommandLine;
using Lapidary.Cli.Options;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;
using Lapidary.Training.Data.Files;

namespace Lapidary.Cli.Commands;

/// <summary>tokenize: texts and conversations in token ids.</summary>
internal static class TokenizeCommand
{
    private static readonly Setting<bool> AddSpecialTokens =
        Settings.Flag("add-special-tokens", "Start texts with BOS; conversations have the one their template writes.", fallback: true);

    private static readonly Setting<bool> AddGenerationPrompt =
        Settings.Flag("add-generation-prompt", "End conversations with the header of the model's next turn.");

    public static Command Create(Terminal terminal)
    {
        var model = new ModelSettings(QuantizationKind.None);
        var text = new Option<string?>("--text") { HelpName = "TEXT", Description = "One text." };
        var file = new Option<string?>("--file") { HelpName = "FILE", Description = "Rows with text or messages, as for --dataset." };
        var json = CommandBuilder.Json();
        Setting[] settings = [model.Model, model.Tokenizer, .. DataSettings.Columns, AddSpecialTokens, AddGenerationPrompt];
        return CommandBuilder.Create("tokenize", "Show token ids: one JSON line {\"ids\": [...]} per row.",
                "--model gemma-3-1b-it --text \"Hello, world!\"",
                "--tokenizer gemma-3-1b-it --file rows.jsonl")
            .With(text, file).With(settings).With(json)
            .Runs(parsed =>
            {
                var values = new SettingValues(settings, parsed);
                string? one = parsed.GetValue(text), path = parsed.GetValue(file);
                if ((one is null) == (path is null)) throw new UsageException("expected either --text or --file.", values.Command);
                string folder = ModelPath.Find(values.Get(model.Tokenizer) ?? values.Require(model.Model));
                var tools = TextTools.Load(folder);
                IEnumerable<int[]> rows = one is not null
                    ? [Encode(tools, one, values)]
                    : DataSet.Load(path!, DataSettings.Read(values)).Rows.Select(row => Encode(tools, row, values));
                foreach (int[] ids in rows) JsonResult.Write(terminal.Out, result => result.WriteNumbers("ids", ids));
                return ExitCodes.Done;
            });
    }

    private static int[] Encode(TextTools tools, DataRow row, SettingValues values) => row switch
    {
        TextRow text => Encode(tools, text.Text, values),
        MessagesRow messages => Encode(tools, messages.Messages, messages.Origin, values),
        _ => throw new LapidaryException($"{row.Origin}: expected text or messages; name the column with --text-column."),
    };

    private static int[] Encode(TextTools tools, string text, SettingValues values) =>
        values.Get(AddSpecialTokens) ? tools.EncodeText(text) : tools.Tokenizer.Encode(text, addSpecialTokens: false);

    private static int[] Encode(TextTools tools, IReadOnlyList<ChatTurn> messages, RowOrigin origin, SettingValues values)
    {
        try
        {
            return tools.Template.Encode(tools.Tokenizer, messages, values.Get(AddGenerationPrompt));
        }
        catch (LapidaryException e)
        {
            throw new LapidaryException($"{origin}: {e.Message}", e);
        }
    }
}
