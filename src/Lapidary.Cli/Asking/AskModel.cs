using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.TextToSql;

namespace Lapidary.Cli.Asking;

/// <summary>The model of a command that names none: the one that the demonstration trained here.</summary>
internal static class AskModel
{
    private const string Merged = "merged", Config = "config.json";

    /// <summary>Supplies it, and says so.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public static void Supply(CommandRun run, ModelSettings settings)
    {
        if (run.Values.IsGiven(settings.Model) || run.Values.IsGiven(settings.Adapter)) return;
        string folder = Path.Combine(new DemoOptions().OutputDir, Merged);
        if (!File.Exists(Path.Combine(folder, Config)))
        {
            throw run.Wrong($"--model is missing, and {folder} is not here: give a model that was trained to write SQL, or let "
                + "'lapidary demo' train a small one in about three minutes, which ask then takes by itself.");
        }

        run.Values.Supply(settings.Model, folder);
        run.Note($"--model is not given; {folder} answers, the demonstration's tiny model: read its SQL.");
    }
}
