namespace Lapidary.Gemma.Generation.Forms;

/// <summary>A form that a text must have: a set of texts, as UTF-8. Each byte of a text leaves a form for the rest of it. Immutable, so
/// any number of texts may share one.</summary>
internal interface ITextForm
{
    /// <summary>Whether the text may end here.</summary>
    bool MayEnd { get; }

    /// <summary>What the rest of the text must be after a byte.</summary>
    /// <returns>The form of the rest; null if no text of this form begins with the byte. The same object where nothing has changed, because
    /// what is allowed is then known already.</returns>
    ITextForm? After(byte next);

    /// <summary>More than 0 inside a string: a text may begin with any so many characters other than quotes, backslashes and control
    /// characters, and not with more of them. 0 where nothing is known. It saves looking at each token of a vocabulary.</summary>
    int PlainRoom => 0;

    /// <summary>Forms of which the text must have any; more than one where they are to be looked at one by one.</summary>
    IReadOnlyList<ITextForm> Alternatives => [this];
}
