namespace Lapidary.Hub.Contracts;

/// <summary>Counts a transfer of several parallel files and reports it at most ten times a second.</summary>
internal sealed class TransferMeter(IProgress<TransferProgress>? progress, TimeProvider time, int totalFiles, long totalBytes)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly Lock _guard = new();
    private long _reported;
    private bool _isReported;
    private int _files;
    private long _bytes, _transferred;
    private string _file = "";

    /// <summary>Transferred bytes.</summary>
    public long Transferred => Interlocked.Read(ref _transferred);

    /// <summary>Counts transferred bytes.</summary>
    public void Move(string file, long bytes) => Count(file, 0, bytes, bytes);

    /// <summary>Counts bytes that existed before; negative if some must be transferred again.</summary>
    public void Keep(string file, long bytes) => Count(file, 0, bytes, 0);

    /// <summary>Counts a finished file.</summary>
    public void Finish(string file) => Count(file, 1, 0, 0);

    private void Count(string file, int files, long bytes, long transferred)
    {
        lock (_guard)
        {
            _files += files;
            _bytes += bytes;
            _transferred += transferred;
            _file = file;
            if (progress is null) return;
            bool isLast = _files == totalFiles;
            if (_isReported && !isLast && time.GetElapsedTime(_reported) < Interval) return;
            (_isReported, _reported) = (true, time.GetTimestamp());
            progress.Report(new TransferProgress(_file, _files, totalFiles, _bytes, totalBytes, _transferred));
        }
    }
}
