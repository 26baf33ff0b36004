using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Hub.Auth;

/// <summary>The files "token" (the text of the active token) and "stored_tokens" beside it (all tokens by name). huggingface_hub reads and
/// writes them too. Only their owner can access the files and their folder.</summary>
/// <param name="path">Path of the file "token".</param>
internal sealed class TokenFiles(string path)
{
    private const string StoredName = "stored_tokens";

    /// <summary>Far longer than any token.</summary>
    private const long MaxBytes = 1 << 20;

    /// <summary>The file of the active token.</summary>
    public string Path => path;

    private string StoredPath => System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!, StoredName);

    /// <summary>The active token, or null.</summary>
    /// <exception cref="LapidaryException">The file exists but cannot be read.</exception>
    public HubToken? Read()
    {
        if (!InputFile.IsThere(path)) return null;
        string text = Clean(InputFile.ReadAllText(path, MaxBytes, "a token"));
        return text.Length == 0 ? null : new HubToken(text, path);
    }

    /// <summary>Saves a token under a name and makes it the active one.</summary>
    /// <exception cref="LapidaryException">A file cannot be written.</exception>
    public void Save(string name, HubToken token)
    {
        MakeFolder();
        var stored = ReadStored();
        stored.Set(name, token.Value);
        AtomicFile.WriteSecret(StoredPath, stored.ToText());
        AtomicFile.WriteSecret(path, token.Value);
    }

    /// <summary>Deletes the active token.</summary>
    /// <returns>Whether a token was saved.</returns>
    /// <exception cref="LapidaryException">A file cannot be written.</exception>
    public bool Remove()
    {
        if (!InputFile.IsThere(path)) return false;
        var token = Read();
        try
        {
            var stored = ReadStored();
            if (token is not null && stored.Remove(token.Value)) AtomicFile.WriteSecret(StoredPath, stored.ToText());
            File.Delete(path);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(path, e);
        }

        return token is not null;
    }

    /// <summary>A token's text without the white space that pasting and editors add.</summary>
    public static string Clean(string text) => string.Concat(text.Where(c => c is not ('\r' or '\n'))).Trim();

    private StoredTokens ReadStored() =>
        StoredTokens.Parse(InputFile.IsThere(StoredPath) ? InputFile.ReadAllText(StoredPath, MaxBytes, "stored tokens") : "");

    private void MakeFolder()
    {
        string folder = System.IO.Path.GetDirectoryName(StoredPath)!;
        try
        {
            Directory.CreateDirectory(folder);
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(folder, e);
        }
    }
}
