using Lapidary.Cli.Output;

namespace Lapidary.Cli.Chat;

/// <summary>The input of the user or a program: single lines, or several lines between triple quotes.</summary>
/// <param name="terminal">The source.</param>
/// <param name="prompt">Before a text.</param>
/// <param name="howToEnd">Shown at Ctrl-C while a text is typed.</param>
internal sealed class ChatInput(Terminal terminal, string prompt, string howToEnd)
{
    private const string More = "... ", Quotes = "\"\"\"";

    /// <summary>Whether the input is interactive; prompts and hints appear only then.</summary>
    public bool IsInteractive { get; } = terminal.Ask is not null;

    /// <summary>Whether lines can be edited while they are typed.</summary>
    public bool IsEdited { get; } = terminal is { Ask: not null, Editor: not null };

    /// <summary>The next text; null at the end.</summary>
    public string? Read()
    {
        if (ReadLine(prompt) is not { } line) return null;
        string start = line.TrimStart();
        if (!start.StartsWith(Quotes, StringComparison.Ordinal)) return line;
        string rest = start[Quotes.Length..];
        var lines = new List<string>();
        while (!rest.TrimEnd().EndsWith(Quotes, StringComparison.Ordinal))
        {
            lines.Add(rest);
            if (ReadLine(More) is not { } next) return string.Join('\n', lines).Trim('\n');
            rest = next;
        }

        lines.Add(rest.TrimEnd()[..^Quotes.Length]);
        return string.Join('\n', lines).Trim('\n');
    }

    /// <summary>Shows a text if the input is interactive.</summary>
    public void Hint(string text)
    {
        if (IsInteractive) terminal.Error.WriteLine(text);
    }

    private string? ReadLine(string before)
    {
        if (!IsInteractive) return terminal.In.ReadLine();
        bool isWarned = false;
        using var handler = terminal.HandleInterrupt(() =>
        {
            if (isWarned) return false;
            isWarned = true;
            if (terminal.Editor is { } editor) editor.Interrupt(howToEnd);
            else Ask("\n" + howToEnd + "\n" + before);
            return true;
        });
        if (IsEdited) return terminal.Editor!.Read(before);
        Ask(before);
        string? line = terminal.ReadLine();
        if (line is null) terminal.Error.WriteLine();
        return line;
    }

    private void Ask(string text)
    {
        terminal.Error.Write(text);
        terminal.Error.Flush();
    }
}
