namespace Lapidary.Hub;

/// <summary>The token files that Python's huggingface_hub shares.</summary>
public static class HubLogin
{
    /// <summary>Asks the Hub whose token it is, and saves it only then.</summary>
    /// <exception cref="HubException">The Hub does not know the token, or cannot be asked; nothing is saved.</exception>
    public static Task<HubUser> LoginAsync(HubOptions options, HubToken token, CancellationToken cancellation = default) =>
        throw new NotImplementedException();

    /// <summary>Forgets the token in use; one of the environment stays, and the note says so.</summary>
    /// <returns>Whether there was one.</returns>
    public static bool Logout(HubOptions options) => throw new NotImplementedException();
}
