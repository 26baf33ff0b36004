namespace Lapidary.Formats.Safetensors;

/// <summary>A tensor to write: its declaration, and a callback that writes exactly its bytes.</summary>
internal sealed record TensorContent(TensorDeclaration Declaration, Action<Stream> WriteTo);
