using System.Collections.Concurrent;

namespace Lapidary.TestHub.Repositories;

/// <summary>The repositories by kind and id, and the ids that were moved.</summary>
internal sealed class RepositoryStore
{
    private readonly ConcurrentDictionary<(HubRepoKind, string), HubRepository> _all = new();
    private readonly ConcurrentDictionary<(HubRepoKind, string), string> _moved = new();

    public IEnumerable<HubRepository> All => _all.Values;

    public HubRepository? Find(HubRepoKind kind, string id) => _all.GetValueOrDefault((kind, id));

    public string? MovedTo(HubRepoKind kind, string id) => _moved.GetValueOrDefault((kind, id));

    public bool TryAdd(HubRepository repository) => _all.TryAdd((repository.Kind, repository.Id), repository);

    public bool Remove(HubRepository repository) => _all.TryRemove((repository.Kind, repository.Id), out _);

    public void Move(HubRepoKind kind, string from, string to)
    {
        if (_all.TryRemove((kind, from), out var repository))
        {
            repository.Id = to;
            _all[(kind, to)] = repository;
        }

        _moved[(kind, from)] = to;
    }
}
