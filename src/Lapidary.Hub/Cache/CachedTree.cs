using System.Text.Json;
using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Hub.Cache;

/// <summary>The list of a commit's files, which never changes, in huggingface_hub's format.</summary>
internal static class CachedTree
{
    private const long MaxBytes = 256 << 20;

    private static readonly JsonWriterOptions Layout = new() { Indented = true, IndentSize = 1, NewLine = "\n" };

    /// <summary>The list; null if it is missing or unreadable.</summary>
    public static IReadOnlyList<RepoFile>? Read(string path)
    {
        try
        {
            if (!File.Exists(path)) return null;
            var json = JsonFile.Read(path, MaxBytes);
            if ((int?)json["format_version"] != 1 || json["files"] is not JsonObject files) return null;
            return [.. files.Select(entry => ToFile(entry.Key, entry.Value!.AsObject()))];
        }
        catch (Exception e) when (e is LapidaryException or InvalidOperationException or FormatException or NullReferenceException
            || FileErrors.IsFileSystem(e))
        {
            return null; // The Hub has it.
        }
    }

    /// <summary>Writes the complete list. A read-only cache stays without it.</summary>
    public static void Write(string path, IReadOnlyList<RepoFile> files)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Layout))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("files");
            foreach (var file in files.OrderBy(file => file.Path, StringComparer.Ordinal))
            {
                writer.WriteStartObject(file.Path);
                writer.WriteString("blob_id", file.BlobId);
                if (file.Sha256 is not null)
                {
                    writer.WriteString("lfs_sha256", file.Sha256);
                    writer.WriteNumber("lfs_size", file.Size);
                }

                writer.WriteNumber("size", file.Size);
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
            writer.WriteNumber("format_version", 1);
            writer.WriteEndObject();
        }

        try
        {
            byte[] bytes = buffer.ToArray();
            if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(bytes)) return;
            AtomicFile.WriteAllBytes(path, bytes);
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        catch (Exception e) when (e is LapidaryException || FileErrors.IsFileSystem(e))
        {
            // The list only saves a request.
        }
    }

    private static RepoFile ToFile(string path, JsonObject entry)
    {
        string? sha256 = (string?)entry["lfs_sha256"];
        var file = new RepoFile(path, (long)(entry["lfs_size"] ?? entry["size"])!, (string)entry["blob_id"]!, sha256);
        return file.Size >= 0 && ContentHash.IsEtag(file.Etag) ? file : throw new FormatException(path);
    }
}
