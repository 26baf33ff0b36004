using Lapidary.Formats.Files;

namespace Lapidary.Hub.Cache;

/// <summary>Places contents in the folder of a commit: as relative links, or as files if links are not possible.</summary>
internal static class CacheLinks
{
    /// <summary>Size of a file in bytes, following links; null if it does not exist.</summary>
    public static long? Length(string path)
    {
        try
        {
            // FileInfo reports the link's length; opening the file follows the link.
            if (!File.Exists(path)) return null;
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return RandomAccess.GetLength(handle);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return null;
        }
    }

    /// <summary>Renames a finished part to its final names.</summary>
    public static void Publish(CacheFolder cache, string etag, string commit, string file, bool withLinks)
    {
        string part = cache.Part(etag), blob = cache.Blob(etag), pointer = cache.Pointer(commit, file);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(pointer)!);
            if (withLinks)
            {
                FolderMoves.MoveFile(part, blob);
                if (TryLink(blob, pointer)) return;
                part = blob;
            }

            FolderMoves.MoveFile(part, pointer);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(pointer, e);
        }
    }

    /// <summary>Creates the file of a commit from a cached content.</summary>
    public static void Point(CacheFolder cache, string etag, string commit, string file, bool withLinks)
    {
        string blob = cache.Blob(etag), pointer = cache.Pointer(commit, file), copy = cache.Copy(etag);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(pointer)!);
            if (withLinks && TryLink(blob, pointer)) return;
            File.Copy(blob, copy, overwrite: true);
            FolderMoves.MoveFile(copy, pointer);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(pointer, e);
        }
    }

    private static bool TryLink(string blob, string pointer)
    {
        string target = Path.GetRelativePath(Path.GetDirectoryName(pointer)!, blob);
        for (int attempt = 0; attempt < 2; attempt++)
        {
            try
            {
                File.CreateSymbolicLink(pointer, target);
                return true;
            }
            catch (Exception e) when (FileErrors.IsFileSystem(e) || e is PlatformNotSupportedException)
            {
                var existing = new FileInfo(pointer);
                if (existing.LinkTarget == target) return true;
                if (existing.LinkTarget is null && !existing.Exists) return false; // Windows without the right to make links.
                File.Delete(pointer);
            }
        }

        return false;
    }
}
