#:sdk Microsoft.NET.Sdk.Web
#:project ../src/Lapidary.Hosting/Lapidary.Hosting.csproj
#:project ../src/Lapidary.TextToSql/Lapidary.TextToSql.csproj
#:property PublishAot=false

// A web API whose answers stream as server-sent events, on the built-in model:
//   dotnet run -c Release samples/web-api.cs
//   curl -N "http://localhost:5000/chat?question=How%20many%20sensors%20are%20there%3F"
//   curl http://localhost:5000/health

using System.Runtime.CompilerServices;
using Lapidary.Hosting;
using Lapidary.TextToSql;
using Microsoft.Extensions.AI;

var builder = WebApplication.CreateBuilder(args);

// A real service names a merged model here, in appsettings.json or in the environment: Lapidary__Model=merged.
string? modelFolder = builder.Configuration["Lapidary:Model"];
if (modelFolder is null)
{
    modelFolder = Path.Combine(Path.GetTempPath(), "lapidary-web-api", "model");
    if (!File.Exists(Path.Combine(modelFolder, "config.json"))) TinyGemma.Write(modelFolder);
}

builder.Services.Configure<LapidaryChatClientOptions>(builder.Configuration.GetSection("Lapidary"));
builder.Services.AddLapidaryChatClient(options => options.Model = modelFolder).UseLogging();
builder.Services.AddHealthChecks().AddLapidary();

var app = builder.Build();
app.MapHealthChecks("/health");

// A client that goes away cancels its answer, which frees the model for the next one.
app.MapGet("/chat", (string question, IChatClient client, CancellationToken cancellationToken) =>
    TypedResults.ServerSentEvents(Answer(client, question, cancellationToken)));
app.Run();

static async IAsyncEnumerable<string> Answer(
    IChatClient client, string question, [EnumeratorCancellation] CancellationToken cancellationToken)
{
    var options = new ChatOptions { MaxOutputTokens = 64, Temperature = 1 };
    await foreach (var update in client.GetStreamingResponseAsync(question, options, cancellationToken))
        if (update.Text.Length > 0) yield return update.Text;
}
