using System.Collections.Immutable;

namespace Lapidary.TestHub;

/// <summary>A commit with all its files, by path in ordinal order.</summary>
public sealed record HubCommit(string Oid, string? Parent, string Title, string Description, string Author, DateTimeOffset Date)
{
    public ImmutableSortedDictionary<string, HubFile> Files { get; init; } = Empty;

    internal static ImmutableSortedDictionary<string, HubFile> Empty { get; } =
        ImmutableSortedDictionary.Create<string, HubFile>(StringComparer.Ordinal);

    internal string Text(string path) => Files.TryGetValue(path, out var file) && !file.IsLfs
        ? System.Text.Encoding.UTF8.GetString(file.Content.ToArray()) : "";
}
