using System.Security.Cryptography;
using System.Text;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub;

namespace Lapidary.Training.Publishing;

/// <summary>README.md of a folder. One that somebody wrote, or changed by a letter, is never touched; one that a run wrote is written anew
/// by the next, for its numbers are another run's. So it ends with a comment that has a hash of what is above it.</summary>
internal static class CardFile
{
    private const long MaxBytes = 4 << 20;

    private const string Mark = "\n<!-- Written by Lapidary, and written anew as long as nothing in it is changed: ", End = " -->\n";

    /// <summary>The text that a folder's card has, or is to have.</summary>
    /// <param name="folder">Where somebody may have put one.</param>
    /// <param name="card">The run's.</param>
    public static string TextFor(string folder, RunCard card) => Foreign(folder) ?? Marked(card.ToText());

    /// <summary>Writes the card, unless there is one that is not a run's.</summary>
    /// <exception cref="LapidaryException">It cannot be written.</exception>
    public static void Write(string folder, RunCard card)
    {
        if (Foreign(folder) is null) AtomicFile.WriteAllText(Path.Combine(folder, ModelCard.FileName), Marked(card.ToText()));
    }

    /// <summary>Whether a folder's card is one that a run wrote and nobody changed.</summary>
    /// <exception cref="LapidaryException">It cannot be read.</exception>
    public static bool IsOfARun(string folder) =>
        InputFile.IsThere(Path.Combine(folder, ModelCard.FileName)) && Foreign(folder) is null;

    /// <summary>Deletes the card of a run that another one has replaced; one that somebody changed stays.</summary>
    public static void Forget(string folder)
    {
        try
        {
            if (IsOfARun(folder)) File.Delete(Path.Combine(folder, ModelCard.FileName));
        }
        catch (Exception e) when (e is LapidaryException || FileErrors.IsFileSystem(e))
        {
            // It is of another run and is replaced at the end of this one.
        }
    }

    /// <summary>The text of a card that is not a run's as it was written; null for none.</summary>
    private static string? Foreign(string folder)
    {
        string path = Path.Combine(folder, ModelCard.FileName);
        if (!InputFile.IsThere(path)) return null;
        string text = InputFile.ReadAllText(path, MaxBytes, "a model card");
        int mark = text.LastIndexOf(Mark, StringComparison.Ordinal);
        return mark >= 0 && Marked(text[..mark]) == text ? null : text;
    }

    private static string Marked(string text) =>
        text + Mark + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))) + End;
}
