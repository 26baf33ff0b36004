using System.Globalization;
using Lapidary.Cli.CommandLine;
using Lapidary.Formats;
using Lapidary.Hub;

namespace Lapidary.Cli.Hub;

/// <summary>The repositories of the cache, the largest first.</summary>
internal static class CacheReport
{
    private const int CommitLength = 8;

    public static void Show(CommandRun run, HubCache cache)
    {
        CachedRepo[] repos =
            [.. cache.List().OrderByDescending(repo => repo.Bytes).ThenBy(repo => repo.Repo.Id, StringComparer.Ordinal)];
        long bytes = repos.Sum(repo => repo.Bytes);
        run.Print(
            json =>
            {
                json.WriteString("folder", cache.Folder);
                json.WriteNumber("bytes", bytes);
                json.WriteStartArray("repositories");
                foreach (var repo in repos)
                {
                    json.WriteStartObject();
                    json.WriteString("id", repo.Repo.Id);
                    json.WriteString("type", TypeOf(repo));
                    json.WriteNumber("bytes", repo.Bytes);
                    json.WriteNumber("files", repo.Files);
                    json.WriteStartObject("refs");
                    foreach (var (name, commit) in repo.Refs.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                        json.WriteString(name, commit);
                    json.WriteEndObject();
                    json.WriteStartArray("commits");
                    foreach (string commit in repo.Commits) json.WriteStringValue(commit);
                    json.WriteEndArray();
                    json.WriteString("last_used", repo.LastUsed.UtcDateTime.ToString("s", CultureInfo.InvariantCulture) + "Z");
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            },
            text =>
            {
                int width = repos.Select(repo => repo.Repo.Id.Length).DefaultIfEmpty().Max();
                foreach (var repo in repos)
                {
                    text.WriteLine($"{TypeOf(repo),-8} {repo.Repo.Id.PadRight(width)} {ByteSize.Format(repo.Bytes),10} "
                        + $"{repo.Files,5} files  "
                        + $"used {repo.LastUsed.LocalDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}  {Refs(repo)}");
                }

                string count = Amount.Of(repos.Length, "repository", "repositories");
                text.WriteLine($"{count}, {ByteSize.Format(bytes)} in {cache.Folder}");
            });
    }

    private static string TypeOf(CachedRepo repo) => SettingText.Format(repo.Repo.Type);

    /// <summary>"main 1a2b3c4d", and the number of commits without a name.</summary>
    private static string Refs(CachedRepo repo)
    {
        string[] names =
        [
            .. repo.Refs.OrderBy(pair => pair.Key, StringComparer.Ordinal)
                .Select(pair => $"{pair.Key} {pair.Value[..Math.Min(CommitLength, pair.Value.Length)]}"),
        ];
        int others = repo.Commits.Except(repo.Refs.Values).Count();
        return string.Join(", ", others == 0 ? names : [.. names, $"{Amount.Of(others, "commit")} without a name"]);
    }
}
