using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Lora;
using Lapidary.Hub;

namespace Lapidary.Cli.Hub;

/// <summary>What people do with what they have downloaded.</summary>
internal static class NextCommand
{
    /// <summary>A command line; null where nothing is known to be done with it.</summary>
    /// <param name="type">What was downloaded.</param> <param name="name">Its id or folder, as the next command takes it.</param>
    /// <param name="folder">Where its files are.</param>
    public static string? After(RepoType type, string name, string folder)
    {
        name = ShellText.Quote(name);
        if (type == RepoType.Dataset) return $"lapidary train --model google/gemma-3-1b-pt --dataset {name}";
        if (type != RepoType.Model) return null;
        if (File.Exists(Path.Combine(folder, AdapterConfigFile.FileName))) return $"lapidary generate --adapter {name} --prompt TEXT";
        if (!File.Exists(Path.Combine(folder, GemmaConfig.FileName))) return null;
        try
        {
            _ = GemmaConfig.Load(folder);
            return $"lapidary train --model {name} --dataset FILE";
        }
        catch (LapidaryException)
        {
            return null; // another model's, which is fine to download
        }
    }
}
