namespace Lapidary.Hub.Http;

/// <content>Answers that a caller looked at first.</content>
internal sealed partial class HubHttp
{
    /// <summary>The error for an error status that the call accepted.</summary>
    public Task<HubException> ErrorOfAsync(HubCall call, HubAnswer answer, CancellationToken cancellation) =>
        _errors.OfAnswerAsync(call, answer, cancellation);
}
