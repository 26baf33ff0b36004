using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Cli.Chat;

/// <summary>The conversation of the chat command, until its input ends.</summary>
/// <param name="run">The command.</param>
/// <param name="conversation">The conversation so far.</param>
/// <param name="answers">The model.</param>
internal sealed class ChatLoop(CommandRun run, Conversation conversation, ChatAnswers answers)
{
    /// <summary>Share of the context from which on a warning appears.</summary>
    private const double Near = 0.9;

    private const string Exit = "/exit", Quit = "/quit";

    private const string Reset = "/reset", Undo = "/undo", SystemText = "/system", Help = "/help", Nothing = "-";

    private static readonly string[] Commands = [Reset, Undo, SystemText, Help, Exit];

    private static readonly string[] HelpLines =
    [
        "/reset          begins a new conversation; the system message stays",
        "/undo           takes the last question and its answer back",
        "/system TEXT    sets the system message; /system shows it, /system - removes it",
        "/exit           ends the chat, as Ctrl-D does",
        "\"\"\"             begins and ends a text of several lines",
        "Ctrl-C          stops the answer",
    ];

    private static readonly string[] KeyLines =
    [
        "Up, Down        bring earlier texts back",
        "Alt-Enter       begins a new line in the text",
    ];

    private readonly ChatInput _input = new(run.Terminal, "> ", "Ctrl-C again, Ctrl-D or /exit ends the chat.");
    private bool _isNear;

    /// <summary>Runs the conversation.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="LapidaryException">Without interactive input: a question cannot be answered.</exception>
    public int Run()
    {
        while (_input.Read() is { } text)
        {
            if (string.IsNullOrWhiteSpace(text)) continue;
            if (text.Trim() is Exit or Quit) break;
            if (IsCommand(text.Trim())) continue;
            try
            {
                if (!Answer(text)) return ExitCodes.Interrupted;
            }
            catch (LapidaryException e) when (_input.IsInteractive)
            {
                run.Terminal.Error.WriteLine(run.Line(e));
            }
        }

        return ExitCodes.Done;
    }

    /// <summary>Runs a chat command; false if the text is not one.</summary>
    private bool IsCommand(string text)
    {
        string[] words = text.Split((char[]?)null, 2, StringSplitOptions.TrimEntries);
        switch (words[0])
        {
            case Reset when words.Length == 1:
                conversation.Reset();
                _isNear = false;
                _input.Hint("A new conversation begins.");
                return true;
            case Undo when words.Length == 1:
                _input.Hint(conversation.Undo() ? "The last question and its answer are taken back." : "There is nothing to take back.");
                return true;
            case SystemText:
                SetSystem(words.Length == 1 ? null : words[1]);
                return true;
            case Help when words.Length == 1:
                foreach (string line in _input.IsEdited ? HelpLines.Concat(KeyLines) : HelpLines) _input.Hint(line);
                return true;
            case ['/', _, ..] word when _input.IsInteractive && word.AsSpan(1).IndexOfAnyExceptInRange('a', 'z') < 0:
                if (Commands.Contains(word))
                {
                    _input.Hint($"{word} takes no text; type it alone.");
                    return true;
                }

                string near = NearestName.Of(word, Commands) is { } name ? $"did you mean {name}? " : "";
                _input.Hint($"{word}: there is no such command; {near}{Help} lists them.");
                return true;
            default:
                return false;
        }
    }

    private void SetSystem(string? text)
    {
        if (text is null)
        {
            _input.Hint(conversation.System ?? "There is no system message.");
            return;
        }

        conversation.System = text == Nothing ? null : text;
        _input.Hint(text == Nothing ? "The system message is removed." : "The system message holds from the next answer on.");
    }

    /// <summary>Answers a question.</summary>
    /// <returns>Whether the chat continues.</returns>
    private bool Answer(string question)
    {
        int[] prompt = conversation.Encode(question);
        if (prompt.Length >= answers.Context)
        {
            throw new ToolException($"The conversation is full: with this question it has {prompt.Length} tokens, and the model's context "
                + $"{answers.Context}; {Reset} begins a new one, {Undo} takes the last question back.");
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(run.Interrupted);
        ChatAnswer answer;
        using (_input.IsInteractive ? run.Terminal.HandleInterrupt(() => Stop(stop)) : null)
            answer = answers.Answer(prompt, piece => Show(piece), stop.Token);
        Print(question, prompt.Length, answer);
        if (answer.Text.Length > 0) conversation.Add(question, answer.Text);
        if (run.Interrupted.IsCancellationRequested) return false;
        Tell(prompt.Length, answer);
        return true;
    }

    private static bool Stop(CancellationTokenSource stop)
    {
        if (stop.IsCancellationRequested) return false; // the second one ends the process
        stop.Cancel();
        return true;
    }

    private void Show(string piece)
    {
        if (run.IsJson) return;
        run.Terminal.Out.Write(PlainText.WithoutControls(piece));
        run.Terminal.Out.Flush();
    }

    private void Print(string question, int promptTokens, ChatAnswer answer)
    {
        if (!run.IsJson)
        {
            run.Terminal.Out.WriteLine();
            return;
        }

        JsonResult.Write(run.Terminal.Out, json =>
        {
            json.WriteString("prompt", question);
            json.WriteString("text", answer.Text);
            json.WriteString("finish_reason", RunSettings.Format(answer.End));
            json.WriteNumber("prompt_tokens", promptTokens);
            json.WriteNumber("output_tokens", answer.Tokens);
        });
    }

    /// <summary>Reports something the user may not notice, also without interactive input, for a script's log.</summary>
    private void Tell(int promptTokens, ChatAnswer answer)
    {
        int used = promptTokens + answer.Tokens;
        if (answer.End == AnswerEnd.Interrupted) _input.Hint("(stopped)");
        if (answer.End == AnswerEnd.Length)
            run.Note($"the answer was cut after {Amount.Of(answer.Tokens, "token")}; --max-new-tokens takes more.");
        if (answer.End == AnswerEnd.Context)
            run.Note($"the conversation is full: all {answers.Context} tokens of the context are used; {Reset} begins a new one.");
        else if (!_isNear && used >= answers.Context * Near)
            run.Note($"the conversation has {used} of the context's {answers.Context} tokens and is soon full; {Reset} begins a new one.");
        _isNear = used >= answers.Context * Near;
    }
}
