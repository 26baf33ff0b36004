namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>A number within limits, without a power. It is counted in units of its last decimal place.</summary>
/// <param name="min">The least number.</param>
/// <param name="max">The largest number.</param>
/// <param name="places">Most digits after the point; 0 for whole numbers.</param>
internal sealed class DecimalShape(Int128 min, Int128 max, int places) : JsonShape
{
    /// <summary>Most digits before the point, unless a format says more: a double stores all such whole numbers.</summary>
    public const int WholeDigits = 15;

    /// <summary>The largest whole number of so many digits.</summary>
    public const decimal LargestWhole = 999_999_999_999_999;

    /// <summary>Digits after the point of numbers that are not whole.</summary>
    public const int MostPlaces = 10;

    private readonly int _digits = DigitsOf(Int128.Max(Int128.Abs(min), Int128.Abs(max)) / UnitsOf(places));

    /// <summary>Most digits after the point.</summary>
    public int Places => places;

    public override bool BeginsWith(byte first) => first == '-' || char.IsAsciiDigit((char)first);

    public override ITextForm Begin(ITextForm then, int depth) => new DecimalPlace(this, then, IsNegative: false, 0, 0, Fraction: -1);

    /// <summary>Units of a whole 1.</summary>
    public static Int128 UnitsOf(int places) => places == 0 ? 1 : 10 * UnitsOf(places - 1);

    /// <summary>Whether a number, which has some digits after the point, is within the limits.</summary>
    public bool Contains(Int128 digits, int fraction) => Overlaps(digits * UnitsOf(places - fraction), digits * UnitsOf(places - fraction));

    /// <summary>Whether a number within the limits begins with some digits.</summary>
    /// <param name="isNegative">Whether it has a minus.</param>
    /// <param name="magnitude">The digits.</param>
    /// <param name="whole">Number of those before the point.</param>
    /// <param name="fraction">Number of those after the point; −1 if there is no point yet.</param>
    public bool HasNumber(bool isNegative, Int128 magnitude, int whole, int fraction)
    {
        var unit = UnitsOf(places - Math.Max(0, fraction));
        var (low, high) = whole == 0 ? ((Int128)(places == 0 ? 1 : 0), UnitsOf(_digits + places) - 1)
            : (magnitude * unit, (magnitude * unit) + unit - 1);
        int further = fraction >= 0 || whole == 0 || magnitude == 0 ? 0 : _digits - whole;
        for (; further >= 0; further--)
        {
            if (isNegative ? Overlaps(-high, -low) : Overlaps(low, high)) return true;
            (low, high) = (low * 10, (high * 10) + 9);
        }

        return false;
    }

    protected override int HeightOfParts() => 0;

    private static int DigitsOf(Int128 number) => number < 10 ? 1 : 1 + DigitsOf(number / 10);

    private bool Overlaps(Int128 low, Int128 high) => low <= max && high >= min;
}

/// <summary>A place in a number.</summary>
/// <param name="Shape">Its limits.</param>
/// <param name="Then">What follows it.</param>
/// <param name="IsNegative">Whether it has a minus.</param>
/// <param name="Whole">Digits before the point.</param>
/// <param name="Magnitude">All digits, as one number.</param>
/// <param name="Fraction">Digits after the point; −1 if there is none yet.</param>
internal sealed record DecimalPlace(
    DecimalShape Shape, ITextForm Then, bool IsNegative, int Whole, Int128 Magnitude, int Fraction) : ITextForm
{
    public bool MayEnd => IsWhole && Then.MayEnd;

    private bool IsWhole =>
        Whole > 0 && Fraction != 0 && Shape.Contains(IsNegative ? -Magnitude : Magnitude, Math.Max(0, Fraction));

    public ITextForm? After(byte next)
    {
        if (next == '-') return Whole == 0 && !IsNegative ? Possible(this with { IsNegative = true }) : null;
        if (next == '.') return Fraction < 0 && Whole > 0 && Shape.Places > 0 ? Possible(this with { Fraction = 0 }) : null;
        if (!char.IsAsciiDigit((char)next)) return IsWhole ? Then.After(next) : null;
        var longer = this with { Magnitude = (Magnitude * 10) + (next - '0') };
        if (Fraction >= 0) return Fraction < Shape.Places ? Possible(longer with { Fraction = Fraction + 1 }) : null;
        bool isZero = Whole > 0 && Magnitude == 0, isMinusZero = IsNegative && Whole == 0 && next == '0' && Shape.Places == 0;
        return isZero || isMinusZero ? null : Possible(longer with { Whole = Whole + 1 });
    }

    private static DecimalPlace? Possible(DecimalPlace place) =>
        place.Shape.HasNumber(place.IsNegative, place.Magnitude, place.Whole, place.Fraction) ? place : null;
}
