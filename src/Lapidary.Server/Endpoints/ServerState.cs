using Lapidary.Server.Http;
using Lapidary.Server.Monitoring;
using Lapidary.Server.Requests;
using Microsoft.AspNetCore.Http;

namespace Lapidary.Server.Endpoints;

/// <summary>What all requests share.</summary>
/// <param name="options">Limits.</param>
/// <param name="time">The clock.</param>
internal sealed class ServerState(LapidaryServerOptions options, TimeProvider time)
{
    private const string ModelKey = "model";

    private volatile IReadOnlyList<ServedModel>? _models;
    private volatile bool _isStopping;

    public LapidaryServerOptions Options => options;

    public TimeProvider Time => time;

    public ServerMetrics Metrics { get; } = new();

    /// <summary>Seconds since 1970.</summary>
    public long Now => time.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>When the models were there, in seconds since 1970.</summary>
    public long Created { get; private set; }

    /// <summary>"ok", or why there are no answers.</summary>
    public string Status => _isStopping ? "stopping" : _models is null ? "loading" : "ok";

    /// <summary>The models.</summary>
    /// <exception cref="ApiException">They are not there yet, or not any more.</exception>
    public IReadOnlyList<ServedModel> Models
    {
        get
        {
            if (_isStopping || _models is not { } models)
                throw ApiException.Later(
                    StatusCodes.Status503ServiceUnavailable, ApiException.ServerError, "unavailable", $"The server is {Status}.");
            return models;
        }
    }

    /// <summary>The models, whatever the state; empty before they are there.</summary>
    public IReadOnlyList<ServedModel> Known => _models ?? [];

    /// <summary>From now on requests are answered.</summary>
    public void Serve(IReadOnlyList<ServedModel> models)
    {
        foreach (var model in models) Metrics.Of(model.Id);
        Created = Now;
        _models = models;
    }

    /// <summary>From now on requests are refused.</summary>
    public void Stop() => _isStopping = true;

    /// <summary>The model of an id.</summary>
    /// <exception cref="ApiException">There is none.</exception>
    public ServedModel Find(string id) => Models.FirstOrDefault(model => model.Id == id) ?? throw new ApiException(
        StatusCodes.Status404NotFound, ApiException.InvalidRequest, "model_not_found", ModelKey,
        $"{ModelKey}: there is no {Found.Of(id)}; expected {Ids}.");

    /// <summary>The model that a request names.</summary>
    /// <exception cref="ApiException">It names none, or one that is not here.</exception>
    public ServedModel ModelOf(RequestFields fields) =>
        Find(fields.Text(ModelKey) ?? throw ApiException.Wrong(ModelKey, $"is missing; expected {Ids}."));

    private string Ids => string.Join(" or ", Models.Select(model => model.Id));
}
