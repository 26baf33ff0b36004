using System.CommandLine;
using System.Globalization;
using Lapidary.TestHub;

var port = new Option<int>("--port") { Description = "Port of the Hub on 127.0.0.1; any free one if absent." };
var storagePort = new Option<int>("--storage-port") { Description = "Port of the storage host on localhost; any free one if absent." };
var seed = new Option<string[]>("--seed") { Description = "Folder with models/OWNER/NAME, datasets/OWNER/NAME, spaces/OWNER/NAME." };
var generate = new Option<string[]>("--generate")
{
    Description = "OWNER/NAME:PATH:BYTES – a file of a model made on the fly (1000M and 2G are 10^6 and 10^9 bytes).",
};
var gated = new Option<string[]>("--gated") { Description = "Id of a model that is gated; ada has no access." };
var hidden = new Option<string[]>("--private") { Description = "Id of a model that is private." };
var pageSize = new Option<int>("--page-size") { Description = "Entries of a tree's page.", DefaultValueFactory = _ => 4 };
var multipartFrom = new Option<long>("--multipart-from")
{
    Description = "Bytes from which uploads come in parts.",
    DefaultValueFactory = _ => 1 << 20,
};
var partBytes = new Option<long>("--part-bytes") { Description = "Bytes of a part.", DefaultValueFactory = _ => 400_000 };
var discard = new Option<bool>("--discard-uploads") { Description = "Uploads are hashed and thrown away." };
var lapidary = new Option<bool>("--lapidary") { Description = "All checks that Lapidary's own client must pass." };
var untilInputEnds = new Option<bool>("--until-input-ends") { Description = "Ends when standard input does." };
var show = new Option<bool>("--show") { Description = "Prints each request when the server ends." };
var root = new RootCommand("A strict stand-in for the Hugging Face Hub on loopback. Ends with Ctrl+C; exit code 1 if a client "
    + "did what no client should do.")
{
    port, storagePort, seed, generate, gated, hidden, pageSize, multipartFrom, partBytes, discard, lapidary, untilInputEnds,
    show,
};
root.SetAction(RunAsync);
return await root.Parse(args).InvokeAsync();

async Task<int> RunAsync(ParseResult given, CancellationToken cancel)
{
    var basis = given.GetValue(lapidary) ? HubServerOptions.ForLapidary : new HubServerOptions();
    await using var server = await HubServer.StartAsync(basis with
    {
        Port = given.GetValue(port),
        StoragePort = given.GetValue(storagePort),
        PageSize = given.GetValue(pageSize),
        ExpandedPageSize = given.GetValue(pageSize),
        MultipartFrom = given.GetValue(multipartFrom),
        PartBytes = given.GetValue(partBytes),
        DiscardsUploads = given.GetValue(discard),
    }, cancel);
    HubSeeds.AddForClients(server);
    foreach (string folder in given.GetValue(seed) ?? []) HubSeeds.AddFolder(server, folder);
    foreach (string file in given.GetValue(generate) ?? [])
    {
        string[] parts = file.Split(':');
        (server.Find(parts[0]) ?? server.AddRepository(parts[0])).AddFile(parts[1], HubContent.Generate(Bytes(parts[2])));
    }

    foreach (string id in given.GetValue(gated) ?? []) (server.Find(id) ?? server.AddRepository(id)).Gate = HubGate.Manual;
    foreach (string id in given.GetValue(hidden) ?? []) (server.Find(id) ?? server.AddRepository(id)).IsPrivate = true;
    Console.WriteLine($"HF_ENDPOINT={server.ApiUrl}");
    Console.WriteLine($"storage={server.StorageUrl}");
    Console.WriteLine($"HF_TOKEN={HubTokens.Write}");
    var input = given.GetValue(untilInputEnds) ? Task.Run(Console.In.ReadToEnd, cancel) : Task.Delay(Timeout.Infinite, cancel);
    await Task.WhenAny(input, Task.Delay(Timeout.Infinite, cancel));
    if (given.GetValue(show)) foreach (var request in server.Requests) Console.WriteLine(request);
    foreach (string violation in server.Violations) Console.Error.WriteLine($"violation: {violation}");
    return server.Violations.Count == 0 ? 0 : 1;
}

static long Bytes(string text) => text[^1] switch
{
    'M' => 1_000_000 * Bytes(text[..^1]),
    'G' => 1_000_000_000 * Bytes(text[..^1]),
    _ => long.Parse(text, CultureInfo.InvariantCulture),
};
