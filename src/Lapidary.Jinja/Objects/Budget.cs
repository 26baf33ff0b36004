namespace Lapidary.Jinja.Objects;

/// <summary>The budget of one rendering. Templates come with models from unknown authors: they must neither run long nor fill the memory.
/// Work is counted in units of about a nanosecond, before it is done, by the amount that a primitive reads and creates.</summary>
internal sealed class Budget(long maxWork = Budget.MaxWork)
{
    /// <summary>One to two seconds. Gemma's template needs a quarter of it for a conversation of 6,000 messages and 10 MB.</summary>
    public const long MaxWork = 1_500_000_000;

    /// <summary>Longest output and longest string, in UTF-16 code units.</summary>
    public const int MaxLength = 16 << 20;

    /// <summary>A statement or expression is executed.</summary>
    public const int Node = 60;

    /// <summary>A list of arguments is made.</summary>
    public const int Call = 150;

    /// <summary>A scope with its variables is made.</summary>
    public const int Scope = 500;

    /// <summary>A name is looked up in one scope.</summary>
    public const int Lookup = 15;

    /// <summary>A small object is made: a part of a split string, a pair of a dict.</summary>
    public const int Object = 250;

    private const int CharacterRead = 2, CharacterMade = 8, CharacterParsed = 20, ItemRead = 2, ItemMade = 40;

    private long _work;

    /// <summary>Work done so far.</summary>
    public long Work => _work;

    /// <summary>Accounts for some work.</summary>
    /// <exception cref="JinjaException">It is more than is left.</exception>
    public void Charge(long work)
    {
        if ((_work += work) <= maxWork) return;
        throw new JinjaException(
            $"took more than {maxWork} units of work, the limit for one rendering; the template may not end")
        {
            IsLimit = true,
        };
    }

    /// <summary>A primitive is about to read a value. Lists and dicts count where their items are visited.</summary>
    public void Read(object? value)
    {
        if (value is string text) Charge((long)CharacterRead * text.Length);
    }

    /// <summary>A primitive is about to read its subject and its arguments.</summary>
    public void Read(object? subject, CallArguments call)
    {
        Read(subject);
        foreach (var value in call.Positional) Read(value);
        foreach (var (_, value) in call.Named) Read(value);
    }

    /// <summary>Items of a list or dict are about to be visited.</summary>
    public void ReadItems(long count) => Charge(ItemRead * count);

    /// <summary>A list of so many items is about to be made.</summary>
    public void MakeItems(long count) => Charge(ItemMade * count);

    /// <summary>Objects such as pairs are about to be made.</summary>
    public void MakeObjects(long count) => Charge(Object * count);

    /// <summary>A string of this length is about to be made.</summary>
    public void MakeText(long length)
    {
        CheckLength(length);
        Charge(CharacterMade * length);
    }

    /// <summary>A value is about to be read as a number: all of a string's digits count.</summary>
    public void ParseNumber(object? value)
    {
        if (value is string text) Charge((long)CharacterParsed * text.Length);
    }

    /// <summary>A string is about to be searched for another one; it may match almost everywhere, and fail at its end.</summary>
    public void Search(string text, string part) =>
        Charge(text.Length + (Math.Max(0L, text.Length - part.Length + 1) * (part.Length / 16)));

    /// <summary>Items are about to be sorted by keys of so many characters together.</summary>
    public void Sort(int count, long keyCharacters)
    {
        int depth = 1 + System.Numerics.BitOperations.Log2((uint)count + 1);
        MakeText(Math.Min(keyCharacters, MaxLength));
        Charge(depth * ((20L * count) + keyCharacters));
    }

    /// <summary>Refuses a string that is too long.</summary>
    public static void CheckLength(long length)
    {
        if (length > MaxLength)
            throw new JinjaException($"made more than {MaxLength} characters, the limit for one text") { IsLimit = true };
    }
}
