namespace Lapidary.Jinja;

/// <summary>A range of characters of a text.</summary>
/// <param name="Start">Index of the first UTF-16 code unit.</param>
/// <param name="End">Index after the last one.</param>
public readonly record struct TextSpan(int Start, int End);
