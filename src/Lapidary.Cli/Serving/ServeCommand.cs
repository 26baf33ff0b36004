using Lapidary.Cli.Asking.Page;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Cli.Settings;
using Lapidary.Gemma;
using Lapidary.Server;
using Lapidary.TextToSql;

namespace Lapidary.Cli.Serving;

/// <summary>serve: models behind OpenAI's HTTP API, until a signal.</summary>
internal static class ServeCommand
{
    public const string Summary = "Serve a model and its adapters over HTTP, as OpenAI's API.";

    private static readonly ModelSettings Model = new(QuantizationKind.None);

    private static readonly SettingList Adapters = new(
        "adapter", "[NAME=]DIR_OR_ID", "PEFT LoRA adapter, a model of its own beside the base. May be repeated.",
        text => NamedAdapter.Parse(text));

    private static readonly SettingList Databases = new(
        "database", "FILE",
        "Data for questions in a browser, at the server's address: an SQLite database, or CSV and Parquet files, by repeating the option. "
        + "Queries can only read.");

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("serve", Summary,
                "--model google/gemma-3-1b-it",
                "--model google/gemma-3-1b-pt --adapter sql=my-adapter --port 0",
                "--model merged --database shop.db",
                "--model merged --host 0.0.0.0 --api-key-file keys.txt")
            .Takes([Model.Model, Adapters, Model.Tokenizer, Model.Quantization, Model.DoubleQuant, Model.DType])
            .Takes([DeviceSettings.Device, DeviceSettings.Threads, .. ServeSettings.All, Databases])
            .Takes(ToolCommand.Json)
            .Requires(Model.Model, Adapters)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        run.IsJson = true; // all that it prints is one line
        NamedAdapter[] adapters = [.. run.Values.Get(Adapters).Select(NamedAdapter.Parse)];
        var options = ServeSettings.Options(run.Values, line => run.Note(line), run.Line);
        using var data = OpenData(run);
        using var page = data is null ? null : new AskPage(data, options.MaxWaiting);
        options = options with { Page = page };
        // An address that cannot be used is found before the models are read.
        var server = LapidaryServer.StartAsync(options).GetAwaiter().GetResult();
        try
        {
            using var models = LoadedModels.Load(run, Model, adapters);
            using var ending = run.EndsGracefully();
            page?.Serve(models.Served[^1]);
            server.Serve(models.Served);
            if (page is not null) run.Note($"questions about the data are asked in a browser at {server.Url}/");
            run.Print(json => json.WriteString("url", server.Url), _ => { });
            run.Interrupted.WaitHandle.WaitOne();
            run.Note("ends with the answers that are under way; a second signal ends it now.");
            server.StopAsync().GetAwaiter().GetResult();
        }
        finally
        {
            server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static AskedData? OpenData(CommandRun run)
    {
        string[] files = [.. run.Values.Get(Databases)];
        if (files.Length == 0) return null;
        var data = AskedData.Open(files, cancellationToken: run.Interrupted);
        foreach (string note in data.Notes) run.Note(note);
        return data;
    }
}
