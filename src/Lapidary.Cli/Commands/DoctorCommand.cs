using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json;
using Lapidary.Cli.Doctor;
using Lapidary.Cli.Options;
using Lapidary.Cli.Output;
using Lapidary.Engine;
using Lapidary.Engine.Cpu;
using Lapidary.Engine.Cuda;
using Lapidary.Engine.Cuda.Driver;
using Lapidary.Training;

namespace Lapidary.Cli.Commands;

/// <summary>doctor: what this machine is and what it can do.</summary>
internal static class DoctorCommand
{
    public static Command Create(Terminal terminal)
    {
        var json = CommandBuilder.Json();
        return CommandBuilder.Create("doctor", "Show what this machine can do, and what to install.", "", "--json").With(json).Runs(parsed =>
        {
            if (parsed.GetValue(json)) JsonResult.Write(terminal.Out, WriteJson);
            else WriteText(terminal.Out);
            return ExitCodes.Done;
        });
    }

    private static void WriteText(TextWriter output)
    {
        output.WriteLine($"system     {RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}, {RuntimeInformation.FrameworkDescription}");
        output.WriteLine($"CPU        {Machine.CpuName}, {Environment.ProcessorCount} threads, {CpuBackend.Simd} ({string.Join(", ", Machine.Features)})");
        output.WriteLine($"memory     {ByteSize.Format(HostMemory.TotalBytes)}, {ByteSize.Format(HostMemory.AvailableBytes)} free");
        string temporary = Path.GetTempPath();
        output.WriteLine($"temporary  {temporary} ({(Machine.IsWritable(temporary) ? "writable" : "not writable; set TMPDIR to a folder that is")})");
        foreach (var device in CudaDevice.All())
        {
            output.WriteLine(
                $"cuda:{device.Ordinal,-5} {device.Name}, {ByteSize.Format(device.MemoryBytes)}, compute capability {device.ComputeCapability}");
        }

        foreach (var library in Enum.GetValues<CudaLibrary>())
        {
            var found = CudaLibraries.Find(library);
            output.WriteLine($"{library,-10} {(found is null ? CudaLibraries.HowToInstall(library) : $"{found.Path}, {found.Version}")}");
        }

        output.WriteLine($"GPU        {CudaBackend.WhyUnavailable() ?? "ready: --device auto takes it"}");
        output.WriteLine();
        var (gpu, free) = Device();
        output.WriteLine($"QLoRA training on the {(gpu is null ? "CPU" : "GPU")}, 512 tokens at a time, at the least:");
        output.WriteLine("  Gemma 3   LoRA alone            with embed_tokens and lm_head (the guide)");
        foreach (var size in Estimates(gpu))
            output.WriteLine($"  {size.Size,-7}   {Verdict(size.LoraBytes, free),-20}  {Verdict(size.GuideBytes, free)}");
    }

    private static string Verdict(long bytes, long free) =>
        $"{ByteSize.Format(bytes),9} {(bytes <= MemoryPlanner.UsableBytes(free) ? "fits" : "too large")}";

    /// <summary>The device that --device auto takes, null for the CPU, and its free memory.</summary>
    private static (CudaDevice? Gpu, long FreeBytes) Device()
    {
        var gpu = CudaBackend.WhyUnavailable() is null ? CudaDevice.Get(0) : null;
        return (gpu, gpu?.FreeBytes() ?? HostMemory.AvailableBytes);
    }

    private static IReadOnlyList<MemoryEstimate> Estimates(CudaDevice? gpu) =>
        MemoryEstimate.All(() => gpu is null ? CpuBackend.CreateCounter(threads: 0) : CudaBackend.CreateCounter(gpu));

    private static void WriteJson(Utf8JsonWriter json)
    {
        json.WriteString("os", RuntimeInformation.OSDescription);
        json.WriteString("architecture", RuntimeInformation.OSArchitecture.ToString());
        json.WriteString("dotnet", RuntimeInformation.FrameworkDescription);
        json.WriteString("cpu", Machine.CpuName);
        json.WriteNumber("threads", Environment.ProcessorCount);
        json.WriteStartArray("features");
        foreach (string feature in Machine.Features) json.WriteStringValue(feature);
        json.WriteEndArray();
        json.WriteNumber("memory_bytes", HostMemory.TotalBytes);
        json.WriteNumber("available_bytes", HostMemory.AvailableBytes);
        json.WriteBoolean("temporary_folder_writable", Machine.IsWritable(Path.GetTempPath()));
        json.WriteStartObject("cuda_libraries");
        foreach (var library in Enum.GetValues<CudaLibrary>()) json.WriteString(library.ToString(), CudaLibraries.Find(library)?.Path);
        json.WriteEndObject();
        json.WriteString("gpu_unavailable_because", CudaBackend.WhyUnavailable());
        json.WriteStartArray("training_estimates");
        foreach (var size in Estimates(Device().Gpu))
        {
            json.WriteStartObject();
            json.WriteString("size", size.Size);
            json.WriteNumber("lora_bytes", size.LoraBytes);
            json.WriteNumber("guide_bytes", size.GuideBytes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
