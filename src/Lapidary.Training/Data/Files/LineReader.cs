namespace Lapidary.Training.Data.Files;

/// <summary>Reads a stream line by line as bytes, in memory of the longest line; skips the byte order mark.</summary>
internal sealed class LineReader(Stream stream, string file, int maxLineBytes = LineReader.MaxLineBytes)
{
    /// <summary>The longest line: 64 MiB, far more than any text that fits a context.</summary>
    public const int MaxLineBytes = 64 << 20;

    private byte[] _buffer = new byte[64 << 10];
    private int _start, _end;
    private long _number;
    private bool _ended;

    /// <summary>The next line without its line feed, valid until the next call, and its 1-based number.</summary>
    public bool TryRead(out ReadOnlySpan<byte> line, out RowOrigin origin)
    {
        int searched = 0;
        origin = new(file, "line", ++_number);
        while (true)
        {
            int length = _buffer.AsSpan((_start + searched).._end).IndexOf((byte)'\n');
            if (length >= 0 || (_ended && _end > _start))
            {
                length = length >= 0 ? searched + length : _end - _start;
                line = _buffer.AsSpan(_start, length);
                _start = Math.Min(_start + length + 1, _end);
                if (_number == 1 && line.StartsWith("\uFEFF"u8)) line = line[3..];
                return true;
            }

            if (_ended)
            {
                line = default;
                return false;
            }

            searched = _end - _start;
            if (searched > maxLineBytes)
                throw origin.Error($"expected at most {maxLineBytes} bytes in a line, found more; is this a JSON Lines file?");
            Fill();
        }
    }

    private void Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start.._end).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length) Array.Resize(ref _buffer, _buffer.Length * 2);
        int read = stream.Read(_buffer, _end, _buffer.Length - _end);
        _end += read;
        _ended = read == 0;
    }
}
