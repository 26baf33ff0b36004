namespace Lapidary.Gemma.Generation.Forms;

/// <summary>A form of texts that are written in a tokenizer's tokens.</summary>
/// <param name="Form">Of the text.</param>
/// <param name="Tokenizer">Of the model.</param>
internal sealed record TokenForm(ITextForm Form, Tokenizer Tokenizer);
