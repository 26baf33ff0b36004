namespace Lapidary.Engine.Distributed;

/// <summary>Requirements of communicators on the tensors that they exchange.</summary>
internal static class Exchanged
{
    /// <summary>Refuses a tensor that cannot be summed.</summary>
    public static void RequireFloat32(Tensor tensor, string operation)
    {
        if (tensor.DType != DType.Float32) throw new ShapeException(operation, nameof(tensor), "fp32", tensor);
    }

    /// <summary>Refuses a tensor whose scales lie elsewhere.</summary>
    public static void RequireWhole(Tensor tensor, string operation)
    {
        if (tensor.DType == DType.NF4) throw new ShapeException(operation, nameof(tensor), "any type but NF4", tensor);
    }
}
