using System.Text.RegularExpressions;
using Lapidary.Gemma.Generation.Forms;

namespace Lapidary.Gemma.Tests.Generation.Forms;

/// <summary>Two to six numbers of one to three digits in brackets, with " é" between them. The last bracket ends the text.</summary>
/// <param name="Expected">What comes next: [ opens, 1 is a digit, é and 2 are its two bytes; ] for nothing more.</param>
/// <param name="Numbers">Numbers begun.</param>
/// <param name="Digits">Digits of the last one.</param>
internal sealed partial record NumberList(char Expected = '[', int Numbers = 0, int Digits = 0) : ITextForm
{
    private const byte FirstOfE = 0xC3;
    private const byte SecondOfE = 0xA9;

    public bool MayEnd => Expected == ']';

    /// <summary>The same set of texts, as .NET reads it.</summary>
    [GeneratedRegex(@"\A\[[0-9]{1,3}( é[0-9]{1,3}){1,5}\]\z")]
    public static partial Regex Pattern();

    public ITextForm? After(byte next) => (Expected, next) switch
    {
        ('[', (byte)'[') => new NumberList('1', 1),
        ('1', >= (byte)'0' and <= (byte)'9') when Digits < 3 => this with { Digits = Digits + 1 },
        ('1', (byte)' ') when Digits > 0 && Numbers < 6 => this with { Expected = 'é' },
        ('1', (byte)']') when Digits > 0 && Numbers > 1 => new NumberList(']'),
        ('é', FirstOfE) => this with { Expected = '2' },
        ('2', SecondOfE) => new NumberList('1', Numbers + 1),
        _ => null,
    };
}
