using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Hub.Auth;

/// <summary>The files "token", the text of the token in use, and "stored_tokens" beside it, all tokens by name; huggingface_hub reads and
/// writes them too. Their folder and they themselves are their owner's alone.</summary>
/// <param name="path">Of the file "token".</param>
internal sealed class TokenFiles(string path)
{
    private const string StoredName = "stored_tokens";

    /// <summary>Tokens have some dozens of characters.</summary>
    private const long MaxBytes = 1 << 20;

    /// <summary>The file of the token in use.</summary>
    public string Path => path;

    private string StoredPath => System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!, StoredName);

    /// <summary>The token in use, or null.</summary>
    /// <exception cref="LapidaryException">The file is there and cannot be read.</exception>
    public HubToken? Read()
    {
        if (!InputFile.IsThere(path)) return null;
        string text = Clean(InputFile.ReadAllText(path, MaxBytes, "a token"));
        return text.Length == 0 ? null : new HubToken(text, path);
    }

    /// <summary>Saves a token under a name and makes it the one in use.</summary>
    /// <exception cref="LapidaryException">A file cannot be written.</exception>
    public void Save(string name, HubToken token)
    {
        MakeFolder();
        var stored = ReadStored();
        stored.Set(name, token.Value);
        AtomicFile.WriteSecret(StoredPath, stored.ToText());
        AtomicFile.WriteSecret(path, token.Value);
    }

    /// <summary>Forgets the token in use.</summary>
    /// <returns>Whether there was one.</returns>
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

    /// <summary>A token's text without the white space that pasting and editors leave.</summary>
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
