namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>A string.</summary>
/// <param name="min">Fewest characters: Unicode's code points.</param>
/// <param name="max">Most characters; int.MaxValue for no limit.</param>
internal sealed class StringShape(int min, int max) : JsonShape
{
    /// <summary>Fewest characters.</summary>
    public int Min => min;

    /// <summary>Most characters.</summary>
    public int Max => max;

    public override bool BeginsWith(byte first) => first == '"';

    public override ITextForm Begin(ITextForm then, int depth) => new Mark('"', new StringPlace(this, then, 0));

    protected override int HeightOfParts() => 0;
}

/// <summary>A place between two characters of a string.</summary>
/// <param name="Shape">Its length.</param>
/// <param name="Then">What follows it.</param>
/// <param name="Count">Characters written, as far as they matter.</param>
internal sealed record StringPlace(StringShape Shape, ITextForm Then, int Count) : ITextForm
{
    public bool MayEnd => false;

    public int PlainRoom => Shape.Max == int.MaxValue ? int.MaxValue : Shape.Max - Count;

    public ITextForm? After(byte next)
    {
        if (next == '"') return Count >= Shape.Min ? Then : null;
        if (Count >= Shape.Max || next < ' ') return null;
        var further = Count < Shape.Min || Shape.Max < int.MaxValue ? this with { Count = Count + 1 } : this;
        if (next == '\\') return new EscapePlace(further, Digits: -1, Code: 0, IsSecond: false);
        return Utf8Rest.Begin(next) is not { } rest ? null : rest.Left == 0 ? further : new CharacterPlace(further, rest);
    }
}

/// <summary>The bytes that a character of UTF-8 still has.</summary>
/// <param name="Left">Their number.</param>
/// <param name="Low">The least next byte.</param>
/// <param name="High">The largest next byte.</param>
internal readonly record struct Utf8Rest(int Left, byte Low, byte High)
{
    /// <summary>After a character's first byte; null if no character begins with it.</summary>
    public static Utf8Rest? Begin(byte first) => first switch
    {
        < 0x80 => new Utf8Rest(),
        < 0xC2 => null,
        < 0xE0 => new Utf8Rest(1, 0x80, 0xBF),
        < 0xF0 => new Utf8Rest(2, first == 0xE0 ? (byte)0xA0 : (byte)0x80, first == 0xED ? (byte)0x9F : (byte)0xBF),
        < 0xF5 => new Utf8Rest(3, first == 0xF0 ? (byte)0x90 : (byte)0x80, first == 0xF4 ? (byte)0x8F : (byte)0xBF),
        _ => null,
    };

    /// <summary>After a further byte; null if it is not one of the character.</summary>
    public Utf8Rest? After(byte next) => next >= Low && next <= High ? new Utf8Rest(Left - 1, 0x80, 0xBF) : null;
}

/// <summary>A place within a character of several bytes.</summary>
/// <param name="Then">What follows the character.</param>
/// <param name="Rest">Its further bytes.</param>
internal sealed record CharacterPlace(ITextForm Then, Utf8Rest Rest) : ITextForm
{
    public bool MayEnd => false;

    public ITextForm? After(byte next) =>
        Rest.After(next) is not { } rest ? null : rest.Left == 0 ? Then : this with { Rest = rest };
}

/// <summary>A place in an escape: \n, or \u and four digits. The first half of a character must have the second after it.</summary>
/// <param name="Then">What follows the character.</param>
/// <param name="Digits">Digits written; −1 after the backslash alone, −2 where the backslash of the second half comes.</param>
/// <param name="Code">Their value.</param>
/// <param name="IsSecond">Whether it is the second half of a character.</param>
internal sealed record EscapePlace(ITextForm Then, int Digits, int Code, bool IsSecond) : ITextForm
{
    private const int FirstHalves = 0xD8, SecondHalves = 0xDC, AfterHalves = 0xE0;

    public bool MayEnd => false;

    public ITextForm? After(byte next)
    {
        if (Digits == -2) return next == '\\' ? this with { Digits = -1 } : null;
        if (Digits == -1)
        {
            if (next == 'u') return this with { Digits = 0 };
            return !IsSecond && "\"\\/bfnrt"u8.Contains(next) ? Then : null;
        }

        if (!char.IsAsciiHexDigit((char)next)) return null;
        int code = (Code << 4) | Convert.ToInt32(((char)next).ToString(), 16);
        bool isFirst = false;
        if (Digits == 1)
        {
            bool isSecond = code is >= SecondHalves and < AfterHalves;
            if (isSecond != IsSecond) return null;
        }
        else if (Digits == 0 && IsSecond && code != 0xD)
        {
            return null;
        }
        else if (Digits == 3)
        {
            isFirst = code >> 8 is >= FirstHalves and < SecondHalves;
        }

        if (Digits < 3) return this with { Digits = Digits + 1, Code = code };
        return isFirst ? new EscapePlace(Then, Digits: -2, Code: 0, IsSecond: true) : Then;
    }
}
