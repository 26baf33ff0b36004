namespace Lapidary.Formats.Safetensors;

/// <summary>A tensor to be written: its declaration, and what writes exactly its bytes.</summary>
internal sealed record TensorContent(TensorDeclaration Declaration, Action<Stream> WriteTo);
