namespace Lapidary.Hub.Upload;

/// <summary>How far an upload is, as its parts go on at the same time.</summary>
/// <param name="progress">Told of it, or null.</param> <param name="files">All files.</param> <param name="bytes">Of them.</param>
internal sealed class UploadMeter(IProgress<TransferProgress>? progress, int files, long bytes)
{
    private readonly Lock _guard = new();
    private int _files;
    private long _bytes, _sent;

    /// <summary>Bytes of a file went out, or (below zero) must go out again.</summary>
    public void Sent(string path, long count) => Add(path, 0, count, count);

    /// <summary>Bytes need not be sent, as they are there.</summary>
    public void Found(string path, long count) => Add(path, 0, count, 0);

    /// <summary>A file is where it belongs.</summary>
    public void Done(string path) => Add(path, 1, 0, 0);

    private void Add(string path, int done, long all, long sent)
    {
        if (progress is null) return;
        lock (_guard)
        {
            (_files, _bytes, _sent) = (_files + done, _bytes + all, _sent + sent);
            progress.Report(new TransferProgress(path, _files, files, _bytes, bytes, _sent));
        }
    }
}
