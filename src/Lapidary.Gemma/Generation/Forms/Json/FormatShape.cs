using System.Globalization;
using System.Text;

namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>A string of a format, as a sequence of parts, each one of some words. There may be several sequences.</summary>
/// <param name="sequences">The parts of each sequence.</param>
internal sealed class FormatShape(IReadOnlyList<IReadOnlyList<WordList>> sequences) : JsonShape
{
    /// <summary>The formats that are enforced.</summary>
    public const string Names = "date, date-time, uuid";

    private const int FirstYear = 1000, LastYear = 2999;

    private static readonly WordList Dash = Words(["-"]);
    private static readonly Lazy<FormatShape> Dates = new(() => new([Date(isLeap: false), Date(isLeap: true)]));
    private static readonly Lazy<FormatShape> Times = new(() => new([[.. Date(false), .. Time()], [.. Date(true), .. Time()]]));
    private static readonly Lazy<FormatShape> Uuids = new(() => new([Uuid()]));

    /// <summary>A format's shape; null for one that is not enforced.</summary>
    public static FormatShape? Of(string format) => format switch
    {
        "date" => Dates.Value,
        "date-time" => Times.Value,
        "uuid" => Uuids.Value,
        _ => null,
    };

    public override bool BeginsWith(byte first) => first == '"';

    public override ITextForm Begin(ITextForm then, int depth) => new Mark('"', Choice.Of([.. sequences.Select(parts =>
        parts.Reverse().Aggregate((ITextForm)new Mark('"', then), (rest, part) => new WordPlace(part, rest, 0, part.Count, 0)))])!);

    protected override int HeightOfParts() => 0;

    private static WordList Words(IEnumerable<string> words) => new(words.Select(Encoding.ASCII.GetBytes));

    private static WordList Numbers(int first, int last) =>
        Words(Enumerable.Range(first, last - first + 1).Select(number => number.ToString("00", CultureInfo.InvariantCulture)));

    private static IReadOnlyList<WordList> Date(bool isLeap)
    {
        var years = Enumerable.Range(FirstYear, LastYear - FirstYear + 1).Where(year => DateTime.IsLeapYear(year) == isLeap).ToList();
        var days = Enumerable.Range(0, isLeap ? 366 : 365).Select(day => new DateOnly(years[0], 1, 1).AddDays(day));
        return
        [
            Words(years.Select(year => year.ToString(CultureInfo.InvariantCulture))), Dash,
            Words(days.Select(day => day.ToString("MM-dd", CultureInfo.InvariantCulture))),
        ];
    }

    /// <summary>To the second, with the distance from UTC in quarters of an hour.</summary>
    private static IEnumerable<WordList> Time()
    {
        const int Quarters = 14 * 4;
        var (sixty, colon) = (Numbers(0, 59), Words([":"]));
        List<string> zones = [.. Enumerable.Range(0, Quarters + 1).Select(quarter => TimeSpan.FromMinutes(15 * quarter))
            .Select(zone => zone.ToString(@"hh\:mm", CultureInfo.InvariantCulture))];
        var ends = Words(["Z", .. zones.Select(zone => "+" + zone), .. zones.Select(zone => "-" + zone)]);
        return [Words(["T"]), Numbers(0, 23), colon, sixty, colon, sixty, ends];
    }

    private static IReadOnlyList<WordList> Uuid()
    {
        var digit = Words("0123456789abcdefABCDEF".Select(character => character.ToString()));
        return [.. "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx".Select(character => character == 'x' ? digit : Dash)];
    }
}
