namespace Lapidary.Cli.CommandLine;

/// <summary>A name that users know from TRL, transformers, PEFT or bitsandbytes: another name of a setting, or a setting that changes
/// nothing here because every run already has one of its values.</summary>
/// <param name="Key">In snake case.</param>
/// <param name="Targets">Keys of settings. The name stands for the first one that a command has; a command without any does not know the
/// name.</param>
internal sealed record GuideName(string Key, params string[] Targets)
{
    /// <summary>Whether the help shows the name beside the setting's own.</summary>
    public bool IsShown { get; init; }

    /// <summary>Whether the name alone means true.</summary>
    public bool IsFlag { get; init; }

    /// <summary>The values that change nothing; null if the name gives the setting a value.</summary>
    public IReadOnlyList<string>? Constants { get; init; }

    /// <summary>Those of <see cref="Constants"/> that are what the tool does anyway; null if all of them are. A note says what happens in
    /// place of the others.</summary>
    public IReadOnlyList<string>? Same { get; init; }

    /// <summary>Whether the value asks for a type to compute in, which the device decides.</summary>
    public bool IsPrecision { get; init; }

    /// <summary>What the tool does instead, for the refusal of another value and for the help.</summary>
    public string? Here { get; init; }

    /// <summary>The setting's value for a value of this name; null if it changes nothing.</summary>
    public Func<string, string?>? Translate { get; init; }

    /// <summary>The value that a flag gives the setting when it is on; null if it also gives one when it is off, or none at all.</summary>
    public string? WhenOn => IsFlag && Translate is not null && Translate("false") is null ? Translate("true") : null;

    /// <summary>Whether it is only another name: its values are those of the setting.</summary>
    public bool IsAlias => Constants is null && Translate is null;

    /// <summary>The setting's value for a value of this name; null if nothing changes.</summary>
    /// <param name="text">The value.</param>
    /// <param name="refuse">Makes the error for an invalid value of what was expected and found.</param>
    public string? Read(string text, Func<string, Exception> refuse)
    {
        try
        {
            return Read(text);
        }
        catch (FormatException e)
        {
            throw refuse(e.Message);
        }
    }

    /// <summary>Parses a value.</summary>
    /// <returns>The value of the setting; null if nothing changes.</returns>
    /// <exception cref="FormatException">The value is invalid; the message says what was expected and found.</exception>
    public string? Read(string text)
    {
        if (Constants is null) return Translate is null ? text : Translate(text);
        if (Constants.Contains(ConstantOf(text), StringComparer.OrdinalIgnoreCase)) return null;
        string expected = string.Join(", ", Constants.SkipLast(1));
        expected += (expected.Length == 0 ? "" : " or ") + Constants[^1];
        throw new FormatException(SettingText.Expected(expected, text).Message + (Here is null ? "" : $"; {Here}"));
    }

    /// <summary>A value in the form of <see cref="Constants"/>.</summary>
    public string ConstantOf(string text) => IsFlag && SettingText.IsBool(text)
        ? SettingText.Format(SettingText.Bool(text))
        : Plain(text);

    /// <summary>"torch.bfloat16" as pasted from Python: bfloat16.</summary>
    public static string Plain(string text)
    {
        const string Torch = "torch.";
        return text.StartsWith(Torch, StringComparison.Ordinal) ? text[Torch.Length..] : text;
    }
}

/// <summary>A setting of another tool as given, which changes nothing.</summary>
/// <param name="Name">The setting.</param>
/// <param name="Value">Its value.</param>
internal sealed record GivenConstant(GuideName Name, string Value)
{
    /// <summary>"--fp16 true".</summary>
    public override string ToString() => $"--{Name.Key.Replace('_', '-')} {Value}";
}

/// <summary>A value that a flag turns off: a setting of that value in a configuration file does not count.</summary>
/// <param name="Key">The setting.</param>
/// <param name="Value">The value.</param>
internal sealed record RefusedValue(string Key, string Value);
