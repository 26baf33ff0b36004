namespace Lapidary.Cli.Help;

/// <summary>Breaks text at spaces.</summary>
internal static class WrappedText
{
    /// <summary>The lines of a text, none longer than the width unless a single word is.</summary>
    public static IEnumerable<string> Lines(string text, int width)
    {
        foreach (string paragraph in text.Split('\n'))
        {
            int start = 0;
            while (paragraph.Length - start > width)
            {
                int end = paragraph.LastIndexOf(' ', start + width, width + 1);
                if (end <= start) end = paragraph.IndexOf(' ', start);
                if (end < 0) break;
                yield return paragraph[start..end];
                start = end + 1;
            }

            yield return paragraph[start..];
        }
    }

    /// <summary>The lines of a command, which a shell reads as one: each but the last ends with " \"; quoted text is not broken.</summary>
    /// <param name="command">The command.</param>
    /// <param name="width">Columns of a line, including the indent.</param>
    /// <param name="indent">Spaces before each line; the following ones have two more.</param>
    public static IEnumerable<string> CommandLines(string command, int width, int indent)
    {
        const string GoesOn = " \\";
        string line = "";
        string margin = new(' ', indent);
        foreach (string word in Words(command))
        {
            bool fits = margin.Length + line.Length + 1 + word.Length + GoesOn.Length <= width;
            if (line.Length > 0 && !fits)
            {
                yield return margin + line + GoesOn;
                (line, margin) = (word, new(' ', indent + 2));
            }
            else
            {
                line = line.Length == 0 ? word : $"{line} {word}";
            }
        }

        yield return margin + line;
    }

    /// <summary>The words of a command; an option and its value form one.</summary>
    private static List<string> Words(string command)
    {
        var words = new List<string>();
        int start = 0;
        bool isQuoted = false;
        for (int i = 0; i <= command.Length; i++)
        {
            if (i < command.Length && command[i] == '"') isQuoted = !isQuoted;
            if (i < command.Length && (isQuoted || command[i] != ' ')) continue;
            string word = command[start..i];
            start = i + 1;
            if (words.Count > 0 && words[^1].StartsWith('-') && !words[^1].Contains(' ') && !word.StartsWith('-')) words[^1] += " " + word;
            else words.Add(word);
        }

        return words;
    }
}
