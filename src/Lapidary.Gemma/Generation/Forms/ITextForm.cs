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
}
