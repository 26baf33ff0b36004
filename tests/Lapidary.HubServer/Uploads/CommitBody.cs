using System.Text;
using System.Text.Json;
using Lapidary.TestHub.Http;
using Lapidary.TestHub.Repositories;

namespace Lapidary.TestHub.Uploads;

/// <summary>The lines of a commit, read strictly.</summary>
internal sealed class CommitBody
{
    // Key of a line → keys of its value, those that may be absent with "?".
    private static readonly Dictionary<string, string[]> Keys = new(StringComparer.Ordinal)
    {
        ["header"] = ["summary", "description?", "parentCommit?"],
        ["file"] = ["content", "path", "encoding"],
        ["lfsFile"] = ["path", "algo", "oid", "size?"],
        ["deletedFile"] = ["path"],
        ["deletedFolder"] = ["path"],
    };

    public string Summary { get; private set; } = "";

    public string Description { get; private set; } = "";

    public string? Parent { get; private set; }

    public List<(string Path, byte[] Content)> Files { get; } = [];

    public List<(string Path, string Oid, long? Size)> LfsFiles { get; } = [];

    public List<(string Path, bool IsFolder)> Deleted { get; } = [];

    public static async Task<CommitBody> ReadAsync(HubCall call)
    {
        call.ExpectContentType("application/x-ndjson");
        var body = new CommitBody();
        var paths = new HashSet<string>(StringComparer.Ordinal);
        using var reader = new StreamReader(call.Request.Body, new UTF8Encoding(false, throwOnInvalidBytes: true));
        int number = 0;
        while (await reader.ReadLineAsync(call.Cancel) is { } line)
        {
            number++;
            if (line.Length == 0) throw HubFailure.Violation($"line {number} is empty");
            try
            {
                using var json = JsonDocument.Parse(line);
                body.Add(json.RootElement, number, paths);
            }
            catch (JsonException error)
            {
                throw HubFailure.Violation($"line {number} is no JSON: {error.Message}");
            }
        }

        return number > 0 ? body : throw HubFailure.Violation("the commit is empty: its header is missing");
    }

    /// <summary>Base64 with nothing else in it.</summary>
    public static byte[] Base64(string text, string path)
    {
        try
        {
            if (text.Any(char.IsWhiteSpace)) throw new FormatException();
            return Convert.FromBase64String(text);
        }
        catch (FormatException)
        {
            throw HubFailure.Violation($"\"{path}\": no base64");
        }
    }

    private void Add(JsonElement line, int number, HashSet<string> paths)
    {
        if (line.ValueKind != JsonValueKind.Object || line.EnumerateObject().Count() != 2
            || !line.TryGetProperty("key", out var key) || !line.TryGetProperty("value", out var value)
            || key.ValueKind != JsonValueKind.String || value.ValueKind != JsonValueKind.Object)
        {
            throw HubFailure.Violation($"line {number} is not {{\"key\": ..., \"value\": {{...}}}}");
        }

        string name = key.GetString()!;
        if (!Keys.TryGetValue(name, out string[]? allowed)) throw HubFailure.Violation($"line {number} has an unknown key \"{name}\"");
        if ((name == "header") != (number == 1))
        {
            throw HubFailure.Violation($"line {number} is a {name}: the first line is the header, no other");
        }

        foreach (var property in value.EnumerateObject())
        {
            if (!allowed.Any(one => one.TrimEnd('?') == property.Name))
            {
                throw HubFailure.Violation($"line {number}: {name} has an unknown key \"{property.Name}\"");
            }
        }

        string Text(string property) => value.TryGetProperty(property, out var found) && found.ValueKind == JsonValueKind.String
            ? found.GetString()! : throw HubFailure.Violation($"line {number}: {name} has no text \"{property}\"");
        if (name == "header")
        {
            ReadHeader(value, Text("summary"));
            return;
        }

        string path = Text("path");
        if (RepoRules.WrongPath(name == "deletedFolder" ? path.TrimEnd('/') : path) is { } wrong)
        {
            throw HubFailure.Violation($"line {number}: path \"{path}\": {wrong}");
        }

        if (!paths.Add(path)) throw HubFailure.Violation($"line {number}: path \"{path}\" stands twice in the commit");
        switch (name)
        {
            case "file":
                if (Text("encoding") != "base64") throw HubFailure.Violation($"line {number}: the encoding is not base64");
                Files.Add((path, Base64(Text("content"), path)));
                break;
            case "lfsFile":
                if (Text("algo") != "sha256") throw HubFailure.Violation($"line {number}: algo is not sha256");
                if (!RepoRules.IsSha256(Text("oid"))) throw HubFailure.Violation($"line {number}: the oid is no sha256");
                long? size = value.TryGetProperty("size", out var bytes) ? bytes.GetInt64() : null;
                LfsFiles.Add((path, Text("oid"), size));
                break;
            default:
                Deleted.Add((path, name == "deletedFolder"));
                break;
        }
    }

    private void ReadHeader(JsonElement value, string summary)
    {
        // The Hub's own limits of length are not known; there are none here.
        Summary = summary.Trim().Length > 0 ? summary : throw HubFailure.Violation("the summary is empty");
        if (value.TryGetProperty("description", out var text) && text.ValueKind == JsonValueKind.String) Description = text.GetString()!;
        if (!value.TryGetProperty("parentCommit", out var parent) || parent.ValueKind == JsonValueKind.Null) return;
        Parent = parent.GetString();
        if (Parent is null || !RepoRules.IsCommit(Parent)) throw HubFailure.Violation("parentCommit is not 5 to 40 hex digits");
    }
}
