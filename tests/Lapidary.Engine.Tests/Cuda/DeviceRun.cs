using Lapidary.Engine.Cuda.Launching;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>A backend of any device, with tensors to feed it and checks of what it wrote. One test body serves every device; without a GPU
/// its cases are skipped with the reason, or fail where LAPIDARY_REQUIRE_CUDA is 1. Classes that use it share a collection, so that one
/// test runs on the device at a time.</summary>
internal sealed class DeviceRun : IDisposable
{
    private static readonly CudaOptions Float16 = new() { ActivationDType = DType.Float16 };

    private readonly MemoryRegion _region;
    private readonly Random _random = new(20250);
    private readonly bool _owned;

    private DeviceRun(IBackend backend, bool owned)
    {
        (Backend, _owned) = (backend, owned);
        _region = new MemoryRegion(backend.Memory, MemoryOwner.Activations);
    }

    /// <summary>The GPU as if it were of compute capability 7.5: its kernels, in fp16, compiled further by the driver, and its shared
    /// memory.</summary>
    public const string Turing = "cuda as sm_75";

    private static readonly Lazy<IBackend> AsTuring = new(() => NewGpu(Turing));

    public static string[] Devices { get; } = [TestDevice.Cpu, TestDevice.Cuda, TestDevice.CudaFloat16, Turing];

    public IBackend Backend { get; }

    /// <summary>‖actual − expected‖ / ‖expected‖ allowed: a few roundings of the activations' type, 2⁻⁸ or 2⁻¹¹ on CUDA, and fp32
    /// sums.</summary>
    public double Tolerance => Of(fp32: 1e-5, fp16: 2e-3, bf16: 1e-2);

    /// <summary>What x · Aᵀ is multiplied by where a step keeps it.</summary>
    public double FactorOfXa => Of(fp32: 1, fp16: 1.0 / 64, bf16: 1);

    /// <summary>A value for the type of activations.</summary>
    public double Of(double fp32, double fp16, double bf16) => Backend.ActivationDType switch
    {
        DType.Float32 => fp32,
        DType.Float16 => fp16,
        _ => bf16,
    };

    public static DeviceRun On(string device)
    {
        if (device == TestDevice.Cpu) return new DeviceRun(new CpuBackend(2), owned: true);
        if (device != Turing) return new DeviceRun(TestDevice.Open(device), owned: false);
        TestDevice.RequireGpu();
        return new DeviceRun(AsTuring.Value, owned: false);
    }

    /// <summary>The GPU of a name, by itself, with other choices between kernels.</summary>
    public static CudaBackend NewGpu(string device, KernelThresholds? thresholds = null)
    {
        thresholds ??= new KernelThresholds();
        return device switch
        {
            TestDevice.Cuda => new CudaBackend(0, thresholds),
            Turing => new CudaBackend(0, thresholds with { Architecture = "compute_75", SharedBytes = 64 << 10 }, Float16),
            _ => new CudaBackend(0, thresholds, Float16),
        };
    }

    /// <summary>A run on a backend of its own, for tests that set one up.</summary>
    public static DeviceRun On(string device, Func<IBackend> cpu, Func<IBackend> cuda)
    {
        if (device != TestDevice.Cpu) TestDevice.RequireGpu();
        return new DeviceRun(device == TestDevice.Cpu ? cpu() : cuda(), owned: true);
    }

    /// <summary>Every device.</summary>
    public static IEnumerable<object[]> EachDevice => Devices.Select(device => (object[])[device]);

    /// <summary>Cases × devices.</summary>
    public static IEnumerable<object[]> Each(params object[][] cases) =>
        Devices.SelectMany(device => cases.Select(values => (object[])[device, .. values]));

    /// <summary>An activation of normal values of the given deviation.</summary>
    public Tensor Normal(double deviation, params long[] shape) => Normal(Backend.ActivationDType, deviation, shape);

    /// <summary>Normal values of the residual stream's type.</summary>
    public Tensor NormalWide(double deviation, params long[] shape) => Normal(Backend.ResidualDType, deviation, shape);

    /// <summary>Normal values, rounded to a type.</summary>
    public Tensor Normal(DType dtype, double deviation, params long[] shape)
    {
        long count = 1;
        foreach (long size in shape) count *= size;
        double[] values = new double[count];
        foreach (ref double x in values.AsSpan())
            x = deviation * Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());
        return From(dtype, values, shape);
    }

    /// <summary>Given values, rounded to a type.</summary>
    public Tensor From(DType dtype, double[] values, params long[] shape)
    {
        var tensor = _region.New("", dtype, shape);
        switch (dtype)
        {
            case DType.Float32:
                Backend.Write<float>([.. values.Select(x => (float)x)], tensor);
                break;
            case DType.BFloat16:
                Backend.Write<ushort>([.. values.Select(x => BFloat16.FromSingle((float)x))], tensor);
                break;
            default:
                Backend.Write<ushort>([.. values.Select(x => BitConverter.HalfToUInt16Bits((Half)x))], tensor);
                break;
        }

        return tensor;
    }

    /// <summary>An activation to be written: filled with NaN, so that what is not written shows.</summary>
    public Tensor New(params long[] shape) => New(Backend.ActivationDType, shape);

    /// <summary>The same of the residual stream's type.</summary>
    public Tensor NewWide(params long[] shape) => New(Backend.ResidualDType, shape);

    /// <summary>An output of a given type, filled with NaN.</summary>
    public Tensor New(DType dtype, params long[] shape)
    {
        var tensor = _region.New("", dtype, shape);
        return From(dtype, [.. Enumerable.Repeat(double.NaN, (int)tensor.Count)], shape);
    }

    public Tensor Zeros(DType dtype, params long[] shape) => _region.New("", dtype, shape);

    public Tensor Ints(params int[] values)
    {
        var tensor = _region.New("", DType.Int32, values.Length);
        Backend.Write<int>(values, tensor);
        return tensor;
    }

    public Tensor Longs(params long[] values)
    {
        var tensor = _region.New("", DType.Int64, values.Length);
        Backend.Write<long>(values, tensor);
        return tensor;
    }

    public Tensor Floats(params float[] values)
    {
        var tensor = _region.New("", DType.Float32, values.Length);
        Backend.Write<float>(values, tensor);
        return tensor;
    }

    /// <summary>A copy of a tensor in host memory, with its scales.</summary>
    public Tensor Import(Tensor host) => Backend.Import(host, _region);

    /// <summary>The values in fp64, whatever floating type the tensor has.</summary>
    public double[] Doubles(Tensor tensor)
    {
        if (tensor.DType == DType.Float32)
        {
            float[] values = new float[tensor.Count];
            Backend.Read<float>(tensor, values);
            return [.. values.Select(x => (double)x)];
        }

        ushort[] bits = new ushort[tensor.Count];
        Backend.Read<ushort>(tensor, bits);
        return [.. bits.Select(x => tensor.DType == DType.BFloat16 ? BFloat16.ToSingle(x) : (double)BitConverter.UInt16BitsToHalf(x))];
    }

    /// <summary>‖actual − expected‖ ≤ tolerance · ‖expected‖; NaN never passes.</summary>
    public void AssertClose(IReadOnlyList<double> expected, Tensor actual, double? tolerance = null)
    {
        double[] values = Doubles(actual);
        Assert.Equal(expected.Count, values.Length);
        double difference = 0, size = 0;
        for (int i = 0; i < values.Length; i++)
        {
            difference += (values[i] - expected[i]) * (values[i] - expected[i]);
            size += expected[i] * expected[i];
        }

        double error = Math.Sqrt(difference / Math.Max(size, 1e-30)), allowed = tolerance ?? Tolerance;
        Assert.True(
            error <= allowed,
            $"{Backend.Description}: relative error {error:E2}, allowed {allowed:E0}; first values {string.Join(", ", values.Take(4))}, "
            + $"expected {string.Join(", ", expected.Take(4))}.");
    }

    public void Dispose()
    {
        _region.Dispose();
        if (_owned) Backend.Dispose();
    }
}
