using Lapidary.Training.Data.Files;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>A text as it is. One in UTF-16, which its mark tells, must consist of whole characters: readers would put a sign in place of
/// half of one, so a file that was cut would pass for a whole one.</summary>
/// <param name="text">The text, from its mark on.</param>
internal sealed class Utf16Check(Stream text) : ForwardStream
{
    private readonly byte[] _unit = new byte[2];
    private long _bytes;
    private bool? _isLittle;
    private bool _isHalf, _isOther;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int length = text.Read(buffer);
        if (_isOther || buffer.IsEmpty) return length;
        if (length == 0 && _isLittle is not null && (_isHalf || _bytes % 2 != 0))
            throw new InvalidDataException("it ends in the middle of a character of UTF-16, so a part of it is missing");
        for (int i = 0; i < length && !_isOther; i++)
        {
            _unit[_bytes++ % 2] = buffer[i];
            if (_bytes % 2 == 0) Look();
        }

        return length;
    }

    private void Look()
    {
        if (_isLittle is not { } isLittle)
        {
            _isLittle = _unit is [0xFF, 0xFE] ? true : _unit is [0xFE, 0xFF] ? false : null;
            _isOther = _isLittle is null;
            return;
        }

        char unit = (char)(isLittle ? _unit[0] | _unit[1] << 8 : _unit[0] << 8 | _unit[1]);
        if (char.IsLowSurrogate(unit) != _isHalf)
            throw new InvalidDataException($"at byte {_bytes - 2} it has half a character of UTF-16");
        _isHalf = char.IsHighSurrogate(unit);
    }
}
