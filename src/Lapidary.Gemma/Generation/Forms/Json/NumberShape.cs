namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>A number of few enough digits, also in its power, that a double can hold it.</summary>
internal sealed class NumberShape : JsonShape
{
    public override bool BeginsWith(byte first) => first == '-' || char.IsAsciiDigit((char)first);

    public override ITextForm Begin(ITextForm then, int depth) => new NumberPlace(then, NumberPart.Start, 0);

    protected override int HeightOfParts() => 0;
}

/// <summary>What was written last.</summary>
internal enum NumberPart
{
    Start,
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

/// <summary>A place in a number.</summary>
/// <param name="Then">What follows it.</param>
/// <param name="Part">The part.</param>
/// <param name="Digits">Digits of the part.</param>
internal sealed record NumberPlace(ITextForm Then, NumberPart Part, int Digits) : ITextForm
{
    private const int MaxDigits = 15, MaxPowerDigits = 2; // a double has so many for certain

    public bool MayEnd => IsWhole && Then.MayEnd;

    private bool IsWhole => Part is NumberPart.Zero or NumberPart.Whole or NumberPart.Fraction or NumberPart.Power;

    public ITextForm? After(byte next)
    {
        if (char.IsAsciiDigit((char)next)) return AfterDigit(next == '0');
        return (next, Part) switch
        {
            ((byte)'-', NumberPart.Start) => To(NumberPart.Minus),
            ((byte)'.', NumberPart.Zero or NumberPart.Whole) => To(NumberPart.Point),
            ((byte)'e' or (byte)'E', NumberPart.Zero or NumberPart.Whole or NumberPart.Fraction) => To(NumberPart.Exponent),
            ((byte)'+' or (byte)'-', NumberPart.Exponent) => To(NumberPart.Sign),
            _ => IsWhole ? Then.After(next) : null,
        };
    }

    private NumberPlace? AfterDigit(bool isZero) => Part switch
    {
        NumberPart.Start or NumberPart.Minus => isZero ? To(NumberPart.Zero) : To(NumberPart.Whole, 1),
        NumberPart.Zero => null,
        NumberPart.Point => To(NumberPart.Fraction, 1),
        NumberPart.Exponent or NumberPart.Sign => To(NumberPart.Power, 1),
        _ => Digits < (Part == NumberPart.Power ? MaxPowerDigits : MaxDigits) ? To(Part, Digits + 1) : null,
    };

    private NumberPlace To(NumberPart part, int digits = 0) => new(Then, part, digits);
}
