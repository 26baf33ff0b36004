using System.IO.Compression;

namespace Lapidary.Tests;

/// <summary>Reads tests/Fixtures, whose large files are stored compressed with Brotli.</summary>
internal static class Fixtures
{
    private static readonly Lazy<string> Unpacked = new(Unpack);

    /// <summary>The repository's root folder.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>Full path of a fixture, such as "tiny/model" or "tiny/forward.safetensors".</summary>
    public static string Path(string name) => System.IO.Path.Combine(Unpacked.Value, name);

    /// <summary>Folder of the small tokenizer, which is the one that the demonstration ships.</summary>
    public static string SmallTokenizer { get; } = System.IO.Path.Combine(Repository, "src", "Lapidary.TextToSql", "Assets");

    /// <summary>A new empty folder, which goes away with the process unless its test deletes it.</summary>
    public static string TemporaryFolder()
    {
        string folder = Directory.CreateTempSubdirectory("lapidary-test-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            try
            {
                if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
            }
            catch (IOException)
            {
                // Something still holds a file of it; the system's cleaning takes it.
            }
        };
        return folder;
    }

    private static string Unpack()
    {
        string source = System.IO.Path.Combine(Repository, "tests", "Fixtures");
        string target = TemporaryFolder();
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string destination = System.IO.Path.Combine(target, System.IO.Path.GetRelativePath(source, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(destination)!);
            if (!file.EndsWith(".br", StringComparison.Ordinal))
            {
                File.Copy(file, destination);
                continue;
            }

            using var compressed = new BrotliStream(File.OpenRead(file), CompressionMode.Decompress);
            using var output = File.Create(destination[..^3]);
            compressed.CopyTo(output);
        }

        return target;
    }

    private static string FindRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Lapidary.slnx"))) return folder.FullName;
        }

        throw new DirectoryNotFoundException("Lapidary.slnx was not found above the test's folder.");
    }
}
