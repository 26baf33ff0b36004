namespace Lapidary.Hub.Http;

/// <content>Answers that a caller looked at first.</content>
internal sealed partial class HubHttp
{
    /// <summary>The error that an answer is which the call expected.</summary>
    public Task<HubException> ErrorOfAsync(HubCall call, HubAnswer answer, CancellationToken cancellation) =>
        _errors.OfAnswerAsync(call, answer, cancellation);
}
