using System.Text;

namespace Lapidary.Cli.Output;

/// <summary>A question to the user on the screen.</summary>
internal static class Question
{
    /// <summary>Whether a user can see the question and type an answer.</summary>
    public static bool CanBeAsked => StandardStream.IsOpen(0) && !Console.IsInputRedirected && !Console.IsErrorRedirected;

    /// <summary>Asks, and waits for a line.</summary>
    /// <param name="screen">Where the question is shown.</param>
    /// <param name="question">The text, with a space at its end.</param>
    /// <param name="isSecret">Whether to hide the input.</param>
    public static string Ask(TextWriter screen, string question, bool isSecret)
    {
        screen.Write(question);
        if (!isSecret) return Console.ReadLine() ?? "";
        var text = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace) text.Length = Math.Max(0, text.Length - 1);
            else if (!char.IsControl(key.KeyChar)) text.Append(key.KeyChar);
        }

        screen.WriteLine();
        return text.ToString();
    }
}
