using System.Runtime.InteropServices;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests;

/// <summary>The tiny model of the fixtures, with and without a tokenizer beside it, and rows to train it on.</summary>
internal static class TinyModel
{
    private static readonly Lazy<string> WithTokenizerFolder = new(CopyWithTokenizer);

    /// <summary>The model alone.</summary>
    public static string Folder => Fixtures.Path("tiny/model");

    /// <summary>The model with the small tokenizer.</summary>
    public static string WithTokenizer => WithTokenizerFolder.Value;

    /// <summary>Integers of a fixture's tensor.</summary>
    public static int[] Ids(string file, string tensor)
    {
        using var safetensors = SafetensorsFile.Open(Fixtures.Path(file));
        return [.. MemoryMarshal.Cast<byte, long>(safetensors.Bytes(tensor)).ToArray().Select(id => (int)id)];
    }

    /// <summary>Numbers of a fixture's tensor.</summary>
    public static float[] Numbers(string file, string tensor)
    {
        using var safetensors = SafetensorsFile.Open(Fixtures.Path(file));
        return MemoryMarshal.Cast<byte, float>(safetensors.Bytes(tensor)).ToArray();
    }

    /// <summary>A file of pre-tokenized rows.</summary>
    public static string WriteRows(string folder, IEnumerable<int[]> rows, string name = "rows.jsonl") =>
        WriteLines(folder, name, rows.Select(ids => $$"""{"input_ids": [{{string.Join(", ", ids)}}]}"""));

    public static string WriteLines(string folder, string name, IEnumerable<string> lines)
    {
        string path = Path.Combine(folder, name);
        File.WriteAllLines(path, lines);
        return path;
    }

    /// <summary>Rows of several lengths that can be learnt: runs of numbers.</summary>
    public static IEnumerable<int[]> Runs(int count) =>
        Enumerable.Range(0, count).Select(row => Enumerable.Range(0, 8 + row % 5).Select(i => 10 + (row * 7 + i * 3) % 90).ToArray());

    private static string CopyWithTokenizer()
    {
        string folder = Fixtures.TemporaryFolder();
        foreach (string source in new[] { Folder, Fixtures.SmallTokenizer })
            foreach (string file in Directory.EnumerateFiles(source)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        return folder;
    }
}
