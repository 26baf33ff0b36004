using Lapidary.TestHub;

await using var server = await HubServer.StartAsync();
Console.WriteLine(server.ApiUrl);
