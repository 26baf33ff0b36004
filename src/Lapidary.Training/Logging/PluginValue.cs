using Google.Protobuf;

namespace Lapidary.Training.Logging;

/// <summary>A value for a plugin of TensorBoard that shows no scalars.</summary>
internal static class PluginValue
{
    /// <summary>DataType of tensor.proto, DataClass of summary.proto.</summary>
    private const int Float = 1, String = 7, TensorClass = 2;

    /// <summary>The value.</summary>
    /// <param name="plugin">The plugin's name.</param>
    /// <param name="tag">The tag.</param>
    /// <param name="content">What the plugin reads from the metadata; null for nothing.</param>
    /// <param name="text">What it reads from the tensor; null for an empty tensor.</param>
    public static TensorBoardSummary.Types.Value Of(string plugin, string tag, IMessage? content, string? text)
    {
        var tensor = new TensorBoardTensor { Dtype = text is null ? Float : String, TensorShape = new() };
        tensor.TensorShape.Dim.Add(new TensorBoardTensor.Types.Shape.Types.Dim { Size = text is null ? 0 : 1 });
        if (text is not null) tensor.StringVal.Add(ByteString.CopyFromUtf8(text));
        return new()
        {
            Tag = tag,
            Tensor = tensor,
            Metadata = new()
            {
                DataClass = TensorClass,
                PluginData = new() { PluginName = plugin, Content = content?.ToByteString() ?? ByteString.Empty },
            },
        };
    }
}
