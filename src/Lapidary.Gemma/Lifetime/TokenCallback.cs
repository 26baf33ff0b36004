using Lapidary.Engine;

namespace Lapidary.Gemma.Lifetime;

/// <summary>Calls what receives tokens, and knows on which threads such a call is under way. The turn of a backend's engines cannot end
/// before the call returns, so what waits for the end of the turn must not do so there.</summary>
internal static class TokenCallback
{
    /// <summary>The backend of the text whose call this thread makes.</summary>
    [ThreadStatic]
    private static IBackend? s_backend;

    /// <summary>Whether this thread is in a call for a text of a backend.</summary>
    public static bool IsHere(IBackend backend) => ReferenceEquals(s_backend, backend);

    /// <summary>Refuses to free what the step of the present turn uses.</summary>
    /// <param name="backend">The backend of the step.</param>
    /// <param name="what">What would be freed: "the model".</param>
    /// <exception cref="InvalidOperationException">This thread is in a call for a text of the backend.</exception>
    public static void RefuseToFree(IBackend backend, string what)
    {
        if (!IsHere(backend)) return;
        throw new InvalidOperationException(
            $"Expected {what} to be disposed after the token callback, which a step that uses it waits for, but it was disposed in the "
            + "callback; end the text there (return false) and dispose when the text has ended.");
    }

    /// <summary>Passes a token on.</summary>
    /// <typeparam name="T">How the token is given.</typeparam>
    /// <returns>Whether to continue.</returns>
    public static bool Invoke<T>(Func<T, bool> onToken, T token, IBackend backend)
    {
        var outer = s_backend;
        s_backend = backend;
        try
        {
            return onToken(token);
        }
        finally
        {
            s_backend = outer;
        }
    }
}
