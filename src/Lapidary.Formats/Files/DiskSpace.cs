namespace Lapidary.Formats.Files;

/// <summary>Detects a full disk before hours of work.</summary>
internal static class DiskSpace
{
    /// <summary>Throws unless the disk of an existing folder has room for this many more bytes.</summary>
    /// <remarks>Reserving the bytes instead would fill the disk for other programs until the reservation fails (measured on
    /// ext4).</remarks>
    public static void Require(string folder, long lengthBytes)
    {
        if (FreeBytes(folder) is { } free && free < lengthBytes)
        {
            throw new LapidaryException(
                $"{folder}: expected {ByteSize.Format(lengthBytes)} of free disk space, found {ByteSize.Format(free)}; "
                + "free some space or choose a folder on another disk.");
        }
    }

    /// <summary>Free bytes of the disk of an existing folder; null if it does not say, as some network shares.</summary>
    public static long? FreeBytes(string folder)
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception e) when (e is ArgumentException || FileErrors.IsFileSystem(e))
        {
            return null; // then writing will say
        }
    }
}
