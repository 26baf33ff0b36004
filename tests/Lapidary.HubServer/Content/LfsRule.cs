using System.Text;
using System.Text.RegularExpressions;

namespace Lapidary.TestHub.Content;

/// <summary>Which files Git keeps itself and which go to LFS, and which patterns of Git name a path.</summary>
internal static class LfsRule
{
    public const long LargestText = 10L << 20;
    public const int SampleBytes = 512;

    /// <summary>The first commit of a new repository. The Hub's exact list is not known; these are file types of
    /// models and data sets that cards and repositories show.</summary>
    public const string DefaultAttributes =
        "*.7z filter=lfs diff=lfs merge=lfs -text\n*.arrow filter=lfs diff=lfs merge=lfs -text\n"
        + "*.bin filter=lfs diff=lfs merge=lfs -text\n*.ckpt filter=lfs diff=lfs merge=lfs -text\n"
        + "*.gguf filter=lfs diff=lfs merge=lfs -text\n*.gz filter=lfs diff=lfs merge=lfs -text\n"
        + "*.h5 filter=lfs diff=lfs merge=lfs -text\n*.model filter=lfs diff=lfs merge=lfs -text\n"
        + "*.npz filter=lfs diff=lfs merge=lfs -text\n*.onnx filter=lfs diff=lfs merge=lfs -text\n"
        + "*.parquet filter=lfs diff=lfs merge=lfs -text\n*.pt filter=lfs diff=lfs merge=lfs -text\n"
        + "*.pth filter=lfs diff=lfs merge=lfs -text\n*.safetensors filter=lfs diff=lfs merge=lfs -text\n"
        + "saved_model/**/* filter=lfs diff=lfs merge=lfs -text\n*.tar.* filter=lfs diff=lfs merge=lfs -text\n"
        + "*.tflite filter=lfs diff=lfs merge=lfs -text\n*.zip filter=lfs diff=lfs merge=lfs -text\n"
        + "*.zst filter=lfs diff=lfs merge=lfs -text\n*tfevents* filter=lfs diff=lfs merge=lfs -text\n";

    /// <summary>Whether a file goes to LFS: .gitattributes, else binary content, else size. An empty file never does.</summary>
    public static bool IsLfs(string path, long size, ReadOnlySpan<byte> sample, string attributes)
    {
        if (size == 0) return false;
        bool? said = null;
        foreach (string line in attributes.Split('\n'))
        {
            string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2 || words[0][0] == '#' || !Matches(words[0], path)) continue;
            foreach (string word in words[1..])
            {
                if (word == "filter=lfs") said = true;
                else if (word is "-filter" or "!filter") said = false;
            }
        }

        return said ?? (IsBinary(sample) || size > LargestText);
    }

    /// <summary>Whether lines of .gitignore leave a path out.</summary>
    public static bool IsIgnored(string path, string ignore)
    {
        bool ignored = false;
        foreach (string raw in ignore.Split('\n'))
        {
            string line = raw.Trim();
            if (line.Length == 0 || line[0] == '#') continue;
            bool negated = line[0] == '!';
            string pattern = negated ? line[1..] : line;
            bool hit = pattern.EndsWith('/')
                ? Folders(path).Any(folder => Matches(pattern[..^1], folder))
                : Matches(pattern, path) || Folders(path).Any(folder => Matches(pattern, folder));
            if (hit) ignored = !negated;
        }

        return ignored;
    }

    /// <summary>Binary as Git and the Hub see it: a NUL byte, or no UTF-8. The last letter of a sample may be cut.</summary>
    public static bool IsBinary(ReadOnlySpan<byte> sample)
    {
        if (sample.Contains((byte)0)) return true;
        var decoder = new UTF8Encoding(false, throwOnInvalidBytes: true).GetDecoder();
        try
        {
            decoder.GetCharCount(sample, flush: false);
            return false;
        }
        catch (DecoderFallbackException)
        {
            return true;
        }
    }

    private static IEnumerable<string> Folders(string path)
    {
        for (int i = path.IndexOf('/'); i >= 0; i = path.IndexOf('/', i + 1)) yield return path[..i];
    }

    // Git's rule: a pattern without "/" is for the name in any folder, one with "/" for the path; "**" crosses folders.
    private static bool Matches(string pattern, string path)
    {
        bool isPath = pattern.TrimEnd('/').Contains('/');
        string text = isPath ? path : path[(path.LastIndexOf('/') + 1)..];
        string expression = Regex.Escape(pattern.TrimStart('/'))
            .Replace(@"\*\*/", "(?:.*/)?").Replace(@"\*\*", ".*").Replace(@"\*", "[^/]*").Replace(@"\?", "[^/]");
        return Regex.IsMatch(text, $"^{expression}$", RegexOptions.CultureInvariant | RegexOptions.Singleline);
    }
}
