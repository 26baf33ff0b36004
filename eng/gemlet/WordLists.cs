using Lapidary.TextToSql.Synthesis.Domains;

namespace Gemlet;

/// <summary>The words that schemas are made of, from the files in words/.</summary>
internal static class WordLists
{
    /// <summary>Things that a table can hold: "bridge".</summary>
    public static readonly string[] Things = Words("things");

    /// <summary>People that a table can hold: "painter".</summary>
    public static readonly string[] Persons = Words("persons");

    /// <summary>Words before a noun: "silver".</summary>
    public static readonly string[] Modifiers = Words("modifiers");

    /// <summary>Words of everyday English, which stand for others now and then.</summary>
    public static readonly string[] Common = Words("common");

    /// <summary>Things that a column counts: "window".</summary>
    public static readonly string[] Countables = Words("countables");

    /// <summary>What a date tells: "delivery".</summary>
    public static readonly string[] Dates = Words("dates");

    /// <summary>Adjectives for yes and no: "licensed".</summary>
    public static readonly string[] Flags = Words("flags");

    /// <summary>Columns of free text: "remark".</summary>
    public static readonly string[] Notes = Words("notes");

    /// <summary>What may have happened: "repaired".</summary>
    public static readonly string[] Participles = Words("participles");

    /// <summary>Between a child and its parent: "written by".</summary>
    public static readonly string[] Phrases = Lines("phrases");

    /// <summary>Before a category's value: "come from".</summary>
    public static readonly string[] Verbs = Lines("verbs");

    /// <summary>Numbers with their unit, which may be empty.</summary>
    public static readonly (string Noun, string Unit)[] Measures =
        [.. Lines("measures").Select(line => line.Split('|')).Select(parts => (parts[0], parts[1]))];

    /// <summary>Categories with their values.</summary>
    public static readonly (string Noun, string[] Values)[] Categories =
        [.. Lines("categories").Select(line => line.Split('|')).Select(parts => (parts[0], parts[1].Split(' ')))];

    private const int CommonPercent = 30;

    private static readonly string[] Starts =
        "b br c ch cl d dr f fl fr g gl gr h j k kl l m n p pl pr qu r s sc sh sk sl sp st t th tr v w z".Split(' ');

    private static readonly string[] Vowels = "a a e e i i o o u y ai ea oo ou ia io".Split(' ');

    private static readonly string[] Ends = "- - - n r l s t m x d nd nt rk st ll ss ng".Split(' ');

    private static readonly string[] Suffixes =
        ("er or ist ing tion ary ment ory ium age ance ence ity ness al ic ive ous ful able ure et y ship ard ant cian logist graph "
        + "meter").Split(' ');

    /// <summary>A word that is in no dictionary: "brastelor".</summary>
    public static string Invented(Dice dice)
    {
        string word = "";
        for (int i = dice.Between(1, 2); i >= 0; i--)
        {
            word += dice.Pick(Starts) + dice.Pick(Vowels);
            if (dice.Pick(Ends) is var end && end != "-") word += end;
        }

        return dice.Chance(35) ? word + dice.Pick(Suffixes) : word;
    }

    /// <summary>A word of the list, one of everyday English, or an invented one.</summary>
    public static string Some(string[] list, int inventedPercent, Dice dice) =>
        dice.Chance(inventedPercent) ? Invented(dice) : dice.Chance(CommonPercent) ? dice.Pick(Common) : dice.Pick(list);

    /// <summary>All words, for a tokenizer.</summary>
    public static IEnumerable<string> All() => new[]
    {
        Things, Persons, Modifiers, Common, Countables, Dates, Flags, Notes, Participles, [.. Measures.Select(pair => pair.Noun)],
        [.. Categories.SelectMany(pair => pair.Values.Append(pair.Noun))],
    }.SelectMany(words => words).Distinct(StringComparer.Ordinal);

    /// <summary>With a capital.</summary>
    public static string Capital(string word) => char.ToUpperInvariant(word[0]) + word[1..];

    private static string[] Words(string name) =>
        [.. Lines(name).SelectMany(line => line.Split(' ')).Distinct(StringComparer.Ordinal)];

    private static string[] Lines(string name)
    {
        using var reader = new StreamReader(typeof(WordLists).Assembly.GetManifestResourceStream($"words/{name}")!);
        return [.. reader.ReadToEnd().Split('\n').Where(line => line.Length > 0)];
    }
}
