using System.Globalization;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma;
using Lapidary.Gemma.Lora;
using Lapidary.Gemma.Text;
using Lapidary.Hub;
using Lapidary.Training;

namespace Lapidary.Cli.Runs;

/// <summary>Suggestions for the next step: command lines that work when copied and show a sensible result.</summary>
internal static class NextSteps
{
    /// <summary>A held-out row's question, in the run's folder.</summary>
    public const string QuestionName = "question.json";

    /// <summary>That row's prompt, or the first words of its text, in the run's folder too.</summary>
    public const string PromptName = "prompt.txt";

    private const string AnyText = "The lapidary cuts the stone until it", AnyQuestion = "What does a lapidary do?", AnyId = "2";

    private const int MaxPromptLength = 200, MaxPromptBytes = 4 * MaxPromptLength, TextLength = 40, Ids = 8;

    /// <summary>Suggestions for a trained adapter or model. Writes the question if the command line needs its file.</summary>
    /// <param name="model">--model of the adapter; null for a run that left a whole model.</param>
    /// <param name="isNf4">Whether the adapter was trained on NF4 values: what was measured is what answers on them.</param>
    /// <param name="outputDir">The run's folder.</param>
    /// <param name="row">A row to try it on.</param>
    /// <param name="isChat">Whether rows went through the chat template.</param>
    /// <param name="evaluated">Data sets whose SQL shows how good it is; empty for none.</param>
    /// <param name="pushed">The id that it was pushed to, or null.</param>
    /// <exception cref="LapidaryException">The question cannot be written.</exception>
    public static IReadOnlyList<string> Write(
        string? model, bool isNf4, string outputDir, DataRow row, bool isChat, IReadOnlyList<string> evaluated, string? pushed)
    {
        string result = ShellText.Quote(outputDir);
        string run = model is null ? $"--model {result}" : $"--model {ShellText.Quote(model)} --adapter {result}";
        string input = Input(outputDir, row);
        string asked = isNf4 ? $"{run} --quantization nf4" : run;
        var lines = new List<string> { $"lapidary generate {asked} {input}" };
        if (model is not null) lines.Add($"lapidary merge {run} --output {ShellText.Quote(Unused("merged"))}");
        else lines.AddRange([Quantize(outputDir), .. Export(outputDir)]);
        string rows = string.Concat(evaluated.Select(name => $" --dataset {ShellText.Quote(name)}"));
        if (rows.Length > 0) lines.Add($"lapidary eval {asked}{rows}{(model is null ? "" : " --with-base")}");
        if (isChat) lines.Add($"lapidary chat {asked}");
        if (pushed is not null) lines.Add($"lapidary generate --{(model is null ? "model" : "adapter")} {pushed} {input}");
        return lines;
    }

    /// <summary>Suggestions for a merged model: ask it the question in the run's folder, store it in 4 bits, upload it, export it
    /// and talk to it.</summary>
    /// <param name="output">The model's folder.</param>
    /// <param name="adapter">The folder of the merged adapter.</param>
    public static IReadOnlyList<string> AfterMerge(string output, string adapter)
    {
        string input = InputOf(output, adapter), model = ShellText.Quote(output);
        bool isChat = input.StartsWith("--chat", StringComparison.Ordinal) || input.StartsWith("--messages", StringComparison.Ordinal);
        return
        [
            $"lapidary generate --model {model} {input}",
            Quantize(output),
            $"lapidary upload {model} {RepositoryName(output)} --private",
            .. Export(output),
            .. isChat ? [$"lapidary chat --model {model}"] : Array.Empty<string>(),
        ];
    }

    /// <summary>Suggestion after an upload; null if none fits.</summary>
    /// <param name="repo">The repository.</param>
    /// <param name="folder">The uploaded folder.</param>
    public static string? AfterUpload(HubRepo repo, string folder) => AfterDownload(repo.Type, repo.Id, folder);

    /// <summary>Suggestion after a download; null if none fits.</summary>
    /// <param name="type">The kind of repository.</param>
    /// <param name="name">Its id or folder, as the next command accepts it.</param>
    /// <param name="folder">The folder of its files.</param>
    public static string? AfterDownload(RepoType type, string name, string folder)
    {
        name = ShellText.Quote(name);
        if (type == RepoType.Dataset)
        {
            string template = TemplateGuess.Of(folder) is { } fitting ? $" --template {fitting}" : "";
            return $"lapidary train --model google/gemma-3-1b-pt --tokenizer google/gemma-3-1b-it --dataset {name}{template} --preview";
        }

        if (type != RepoType.Model) return null;
        if (File.Exists(Path.Combine(folder, AdapterConfigFile.FileName))) return $"lapidary generate --adapter {name} {InputOf(folder)}";
        if (!File.Exists(Path.Combine(folder, GemmaConfig.FileName))) return null;
        try
        {
            _ = GemmaConfig.Load(folder);
            return $"lapidary generate --model {name} {InputOf(folder)}";
        }
        catch (LapidaryException)
        {
            return null; // another model's, which is fine to download
        }
    }

    /// <summary>How to try a model.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="source">The folder that it was made of, which may be a run's.</param>
    public static string Generate(string folder, string source) =>
        $"lapidary generate --model {ShellText.Quote(folder)} {InputOf(folder, source)}";

    /// <summary>Options that give a model or an adapter a prompt in the form of its training.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="run">The folder of a run, which may hold a question; null for the same folder.</param>
    public static string InputOf(string folder, string? run = null)
    {
        run ??= folder;
        if (Path.Combine(run, QuestionName) is var question && File.Exists(question)) return MessagesIn(question);
        if (Path.Combine(run, PromptName) is var prompt && File.Exists(prompt)) return PromptOf(prompt);
        try
        {
            bool hasTokenizer = TokenizerFolder.Resolve(folder) is not null;
            bool isAdapter = File.Exists(Path.Combine(folder, AdapterConfigFile.FileName));
            if (!hasTokenizer && !isAdapter) return $"--input-ids {AnyId}";
            bool isChat = PromptKind.IsChat(folder) ?? (hasTokenizer && !isAdapter && TemplateIn(folder));
            return isChat ? $"--chat {Prompt(AnyQuestion)}" : Prompt(AnyText);
        }
        catch (LapidaryException)
        {
            return Prompt(AnyText); // The command that reads the damaged file says what is wrong with it.
        }
    }

    private static string Quantize(string model) =>
        $"lapidary quantize --model {ShellText.Quote(model)} --output {ShellText.Quote(Unused(WithoutEnd(model) + "-4bit"))}";

    private static IEnumerable<string> Export(string model) => HasTokenizer(model)
        ? [$"lapidary export gguf --model {ShellText.Quote(model)} --output {ShellText.Quote(Unused(WithoutEnd(model), ".gguf"))}"]
        : [];

    private static bool HasTokenizer(string folder)
    {
        try
        {
            return TokenizerFolder.Resolve(folder) is not null;
        }
        catch (LapidaryException)
        {
            return false;
        }
    }

    /// <summary>An unused path: the name itself, or the name with a number.</summary>
    public static string Unused(string path, string extension = "")
    {
        string free = path + extension;
        for (int number = 2; Path.Exists(free); number++)
            free = string.Create(CultureInfo.InvariantCulture, $"{path}-{number}{extension}");
        return free;
    }

    /// <summary>Shows command lines under one label.</summary>
    public static void Show(TextWriter people, params IReadOnlyList<string> next)
    {
        for (int i = 0; i < next.Count; i++) people.WriteLine($"{(i == 0 ? "next" : ""),-10} {next[i]}");
    }

    private static string Input(string outputDir, DataRow row) => row switch
    {
        MessagesRow messages => Question(outputDir, Unanswered(messages.Messages), messages.TemplateVariables),
        ConversationalPromptRow pair => Question(outputDir, pair.Prompt, pair.TemplateVariables),
        PromptCompletionRow pair => Kept(outputDir, pair.Prompt),
        TextRow text => Kept(outputDir, Beginning(text.Text)),
        TokensRow tokens => "--input-ids "
            + string.Join(',', tokens.InputIds.Take(Ids).Select(id => id.ToString(CultureInfo.InvariantCulture))),
        _ => Prompt(AnyText),
    };

    /// <summary>The messages before the assistant's last turns; all of them if only the assistant speaks.</summary>
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
        return MessagesIn(path);
    }

    /// <summary>Writes a prompt into the run's folder, where the next commands find it.</summary>
    private static string Kept(string outputDir, string prompt)
    {
        string path = Path.Combine(outputDir, PromptName);
        AtomicFile.WriteAllText(path, prompt);
        return PromptFits(prompt) ? Prompt(prompt) : PromptIn(path);
    }

    private static string PromptOf(string path)
    {
        try
        {
            string prompt = InputFile.ReadAllText(path, MaxPromptBytes);
            return PromptFits(prompt) ? Prompt(prompt) : PromptIn(path);
        }
        catch (LapidaryException)
        {
            return PromptIn(path); // a long one; or the command that reads it says what is wrong with it
        }
    }

    private static bool PromptFits(string prompt) => prompt.Length is > 0 and <= MaxPromptLength && !prompt.Any(char.IsControl);

    private static string MessagesIn(string path) => $"--messages {ShellText.Quote(path)}";

    private static string PromptIn(string path) => $"--prompt - < {ShellText.Quote(path)}";

    /// <summary>A text that begins like an option must follow "=".</summary>
    private static string Prompt(string text) => $"--prompt{(text.StartsWith('-') ? '=' : ' ')}{ShellText.Quote(text)}";

    /// <summary>Whether a model has a chat template, like models tuned for conversations.</summary>
    private static bool TemplateIn(string folder) => TokenizerConfig.Read(folder).Template is not null;

    /// <summary>The folder's name if the Hub allows it. Without an owner, the repository is the user's own.</summary>
    private static string RepositoryName(string folder)
    {
        string name = Path.GetFileName(Path.GetFullPath(WithoutEnd(folder)));
        return HubRepo.IsId(name) ? name : "gemma-merged";
    }

    private static string WithoutEnd(string folder) => Path.TrimEndingDirectorySeparator(folder);

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
