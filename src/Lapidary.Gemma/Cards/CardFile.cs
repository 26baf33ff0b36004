using System.Security.Cryptography;
using System.Text;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub;

namespace Lapidary.Gemma.Cards;

/// <summary>README.md of a folder. A file that a user wrote or changed, even by one character, is never touched. A file that a run or a
/// merge wrote is replaced by the next one, because its numbers belong to another. To tell the two apart, the file ends with a comment that
/// holds a hash of the text above it.</summary>
internal static class CardFile
{
    private const long MaxBytes = 4 << 20;

    private const string Mark = "\n<!-- Written by Lapidary, and written anew as long as nothing in it is changed: ", End = " -->\n";

    /// <summary>The text of a folder's card: the existing one or the run's.</summary>
    /// <param name="folder">The folder that may hold a user's card.</param>
    /// <param name="card">The text of a new card.</param>
    public static string TextFor(string folder, string card) => Foreign(folder) ?? Marked(card);

    /// <summary>Writes the card, unless the folder has a card that is not a run's.</summary>
    /// <exception cref="LapidaryException">It cannot be written.</exception>
    public static void Write(string folder, string card)
    {
        if (Foreign(folder) is null) AtomicFile.WriteAllText(Path.Combine(folder, ModelCard.FileName), Marked(card));
    }

    /// <summary>Whether a run wrote the folder's card and nobody changed it since.</summary>
    /// <exception cref="LapidaryException">It cannot be read.</exception>
    public static bool IsOfARun(string folder) =>
        InputFile.IsThere(Path.Combine(folder, ModelCard.FileName)) && Foreign(folder) is null;

    /// <summary>Deletes the card of a replaced run; a card that somebody changed stays.</summary>
    public static void Forget(string folder)
    {
        try
        {
            if (IsOfARun(folder)) File.Delete(Path.Combine(folder, ModelCard.FileName));
        }
        catch (Exception e) when (e is LapidaryException || FileErrors.IsFileSystem(e))
        {
            // It belongs to another run and is replaced at the end of this one.
        }
    }

    /// <summary>The text of a card that is not a run's unchanged card; null if there is none.</summary>
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
