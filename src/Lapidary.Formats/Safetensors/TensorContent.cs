namespace Lapidary.Formats;

/// <summary>A tensor to be written: its declaration, and what writes exactly its bytes.</summary>
public sealed record TensorContent(TensorDeclaration Declaration, Action<Stream> WriteTo);
