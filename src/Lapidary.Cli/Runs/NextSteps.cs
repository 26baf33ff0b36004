using System.Globalization;
using Lapidary.Cli.Output;
using Lapidary.Formats.Files;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Runs;

/// <summary>What to do after training, on the data's first row: command lines that work when they are copied.</summary>
internal static class NextSteps
{
    /// <summary>The first row's question, in the run's folder.</summary>
    public const string QuestionName = "question.json";

    /// <summary>The first row's prompt, there too.</summary>
    public const string PromptName = "prompt.txt";

    private const int MaxPromptLength = 200, TextLength = 40, Ids = 8;

    /// <summary>Command lines; writes the question where they need its file.</summary>
    /// <param name="model">--model.</param> <param name="outputDir">The run's folder.</param> <param name="row">The first row.</param>
    /// <exception cref="Formats.LapidaryException">The question cannot be written.</exception>
    public static IReadOnlyList<string> Write(string model, string outputDir, DataRow row)
    {
        string run = $"--model {ShellText.Quote(model)} --adapter {ShellText.Quote(outputDir)}";
        return [$"lapidary generate {run} {Input(outputDir, row)}", $"lapidary merge {run} --output merged"];
    }

    private static string Input(string outputDir, DataRow row) => row switch
    {
        MessagesRow messages => Question(outputDir, Unanswered(messages.Messages), messages.TemplateVariables),
        ConversationalPromptRow pair => Question(outputDir, pair.Prompt, pair.TemplateVariables),
        PromptCompletionRow { Prompt: { Length: > 0 and <= MaxPromptLength } prompt } when !prompt.Any(char.IsControl) => Prompt(prompt),
        PromptCompletionRow pair => FromFile(outputDir, pair.Prompt),
        TextRow text => Prompt(Beginning(text.Text)),
        TokensRow tokens => "--input-ids "
            + string.Join(',', tokens.InputIds.Take(Ids).Select(id => id.ToString(CultureInfo.InvariantCulture))),
        _ => Prompt(""),
    };

    /// <summary>The messages before the assistant's last turns; all of them where the assistant is alone.</summary>
    private static IReadOnlyList<ChatTurn> Unanswered(IReadOnlyList<ChatTurn> messages)
    {
        int count = messages.Count;
        while (count > 0 && messages[count - 1].IsAssistant) count--;
        return count == 0 ? messages : [.. messages.Take(count)];
    }

    private static string Question(
        string outputDir, IReadOnlyList<ChatTurn> messages, IReadOnlyDictionary<string, object?>? variables)
    {
        string path = Path.Combine(outputDir, QuestionName);
        AtomicFile.WriteAllText(path, QuestionFile.Text(messages, variables));
        return $"--messages {ShellText.Quote(path)}";
    }

    private static string FromFile(string outputDir, string prompt)
    {
        string path = Path.Combine(outputDir, PromptName);
        AtomicFile.WriteAllText(path, prompt);
        return $"--prompt - < {ShellText.Quote(path)}";
    }

    private static string Prompt(string text) => $"--prompt {ShellText.Quote(text)}";

    /// <summary>The first words of a text, on one line.</summary>
    private static string Beginning(string text)
    {
        string start = text.TrimStart();
        int end = start.AsSpan().IndexOfAnyInRange('\0', '\u001F');
        if (end >= 0) start = start[..end];
        if (start.Length <= TextLength) return start;
        int space = start.LastIndexOf(' ', TextLength);
        int cut = space > 0 ? space : TextLength;
        return start[..(char.IsHighSurrogate(start[cut - 1]) ? cut - 1 : cut)];
    }
}
