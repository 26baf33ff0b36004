using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Lapidary.Gemma.Text.BytePairs;

/// <summary>How pieces become text: a replacement within each piece (▁ by a space), and pieces &lt;0xNN&gt; as bytes.</summary>
/// <param name="Pattern">UTF-8 to replace; empty for none.</param>
/// <param name="Content">UTF-8 to put in its place.</param>
/// <param name="ByteFallback">Whether byte pieces are bytes.</param>
internal sealed record PieceDecoding(byte[] Pattern, byte[] Content, bool ByteFallback)
{
    /// <summary>The byte that a piece of the form &lt;0xNN&gt; stands for.</summary>
    public static bool TryReadByte(ReadOnlySpan<byte> piece, out byte value)
    {
        value = 0;
        return piece.Length == 6 && piece.StartsWith("<0x"u8) && piece[5] == '>'
            && byte.TryParse(piece[3..5], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}

/// <summary>Collects pieces into text. A run of byte pieces is decoded only when it has ended: if it is not valid UTF-8 as a whole, each of
/// its bytes becomes one U+FFFD, as in Hugging Face's tokenizers.</summary>
internal sealed class PieceDecoder(PieceDecoding decoding)
{
    private byte[] _text = new byte[256];
    private int _length;
    private byte[] _run = new byte[16];
    private int _runLength;

    /// <summary>Adds the next piece.</summary>
    public void Add(ReadOnlySpan<byte> piece)
    {
        if (decoding.ByteFallback && PieceDecoding.TryReadByte(piece, out byte value))
        {
            if (_runLength == _run.Length) Array.Resize(ref _run, 2 * _runLength);
            _run[_runLength++] = value;
            return;
        }

        EndRun();
        if (decoding.Pattern.Length == 0)
        {
            Append(piece);
            return;
        }

        for (int at; (at = piece.IndexOf(decoding.Pattern)) >= 0; piece = piece[(at + decoding.Pattern.Length)..])
        {
            Append(piece[..at]);
            Append(decoding.Content);
        }

        Append(piece);
    }

    /// <summary>Takes the text that is certain by now; with <paramref name="end"/> also that of an open run of bytes.</summary>
    public string Take(bool end)
    {
        if (end) EndRun();
        string text = Encoding.UTF8.GetString(_text, 0, _length);
        _length = 0;
        return text;
    }

    private void EndRun()
    {
        var run = _run.AsSpan(0, _runLength);
        _runLength = 0;
        if (Utf8.IsValid(run))
        {
            Append(run);
            return;
        }

        for (int i = 0; i < run.Length; i++) Append("\uFFFD"u8);
    }

    private void Append(ReadOnlySpan<byte> text)
    {
        if (_length + text.Length > _text.Length) Array.Resize(ref _text, Math.Max(2 * _text.Length, _length + text.Length));
        text.CopyTo(_text.AsSpan(_length));
        _length += text.Length;
    }
}
