using Lapidary.Engine;

namespace Lapidary.Gemma.Lifetime;

/// <summary>What generates texts with the models over the same weights in memory: it is disposed before what it uses.</summary>
internal sealed class ModelUsers
{
    private readonly List<(object Model, IDisposable User)> _users = [];
    private bool _isEnded;

    /// <summary>Refuses models whose weights are freed.</summary>
    /// <exception cref="ObjectDisposedException">The users of all models have ended.</exception>
    public void ThrowIfEnded(object model)
    {
        lock (_users) ObjectDisposedException.ThrowIf(_isEnded, model);
    }

    /// <summary>Adds a user of a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="user">Its user.</param>
    /// <param name="check">Refuses a model that is disposed: no user is added after <see cref="End"/>.</param>
    public void Add(object model, IDisposable user, Action check)
    {
        lock (_users)
        {
            check();
            ObjectDisposedException.ThrowIf(_isEnded, model);
            _users.Add((model, user));
        }
    }

    /// <summary>Forgets a user that is disposed.</summary>
    /// <returns>Whether it was one.</returns>
    public bool Remove(IDisposable user)
    {
        lock (_users) return _users.RemoveAll(each => ReferenceEquals(each.User, user)) > 0;
    }

    /// <summary>Disposes users: their texts end with an <see cref="ObjectDisposedException"/>.</summary>
    /// <param name="model">The model whose users end; null for those of all models, which then get no more.</param>
    /// <param name="backend">The device of the models.</param>
    /// <param name="freed">What is freed next, for a message: "the model".</param>
    /// <param name="first">Keeps others from being added.</param>
    /// <exception cref="InvalidOperationException">There are users, and it is called in a token callback.</exception>
    public void End(object? model, IBackend backend, string freed, Action? first = null)
    {
        IDisposable[] users;
        lock (_users)
        {
            users = [.. _users.Where(each => model is null || ReferenceEquals(each.Model, model)).Select(each => each.User)];
            if (users.Length > 0) TokenCallback.RefuseToFree(backend, freed);
            first?.Invoke();
            _isEnded |= model is null;
        }

        foreach (var user in users) user.Dispose();
    }
}
