namespace Lapidary.TestHub;

/// <summary>Repositories that the scripts of real clients (clients/) expect, and folders on disk.</summary>
public static class HubSeeds
{
    /// <summary>Adds what clients/node/check.mjs and clients/python/check.py read. They need a page size below 8.</summary>
    public static void AddForClients(HubServer server)
    {
        var model = server.AddRepository("acme/seeded");
        model.AddFiles(
            ("config.json", """{"model_type": "none"}"""),
            ("README.md", "---\nlicense: gemma\nlibrary_name: peft\n---\n# Seeded\n"),
            ("sub/notes.txt", "notes\n"),
            ("sub/deep/a b é+&.txt", "odd name\n"),
            ("model.safetensors", HubContent.Generate(3_000_000, seed: 1)));
        model.SetTag("v1");
        string first = model.Head.Oid;
        model.AddFile("later.txt", "later\n");
        model.SetBranch("old", first);
        model.SetRef("refs/pr/1");
        server.AddRepository("acme/rows", HubRepoKind.Dataset).AddFiles(
            ("README.md", "---\nconfigs:\n- config_name: default\n  data_files: data/*.jsonl\n---\n"),
            ("data/train.jsonl", """{"a": 1}""" + "\n"),
            ("empty.txt", "")); // not in the model: JavaScript cannot read an empty file, whose "bytes=0-0" is 416
        server.AddRepository("acme/private", configure: repository => repository.IsPrivate = true).AddFile("config.json", "{}");
        server.AddRepository("other/gated", configure: repository => repository.Gate = HubGate.Manual).AddFile("config.json", "{}");
        server.AddRepository("other/pending", configure: repository =>
        {
            repository.Gate = HubGate.Manual;
            repository.Grant("ada", HubGrant.Pending);
        }).AddFile("config.json", "{}");
        server.AddRepository("other/disabled", configure: repository => repository.IsDisabled = true).AddFile("config.json", "{}");
        server.AddRepository("acme/renamed").AddFile("config.json", """{"renamed": true}""");
        server.Rename("acme/renamed", "acme/moved");
    }

    /// <summary>Adds the repositories that lie in a folder as models/OWNER/NAME, datasets/OWNER/NAME and spaces/OWNER/NAME.</summary>
    /// <returns>Their ids.</returns>
    public static IReadOnlyList<string> AddFolder(HubServer server, string folder)
    {
        var ids = new List<string>();
        foreach (var kind in Enum.GetValues<HubRepoKind>())
        {
            string root = Path.Combine(folder, kind.Plural());
            if (!Directory.Exists(root)) continue;
            foreach (string repository in Directory.GetDirectories(root).SelectMany(Directory.GetDirectories).Order(StringComparer.Ordinal))
            {
                string id = Path.GetRelativePath(root, repository).Replace('\\', '/');
                server.AddRepository(id, kind).AddFolder(repository);
                ids.Add(kind.Prefix() + id);
            }
        }

        return ids;
    }
}
