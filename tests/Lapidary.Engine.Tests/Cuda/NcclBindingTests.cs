using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Lapidary.Engine.Distributed.Nccl;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>The binding against NCCL's own header, wherever one is found, as a C compiler reads it; and a call from here to C.</summary>
public sealed partial class NcclBindingTests : IDisposable
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    [Fact]
    public void Layouts_AndValues_AreTheHeaders()
    {
        string header = HeaderFolder();
        string[] fields = ["size", "magic", "version", "blocking", "cgaClusterSize", "minCTAs", "maxCTAs", "netName", "splitShare"];
        string offsets = string.Concat(fields.Select(field => $"N({field}, offsetof(ncclConfig_t, {field}))"));
        var found = Run(
            $$"""
            #include <stdio.h>
            #include <stddef.h>
            #include <nccl.h>
            #define N(name, value) printf("%s %lld\n", #name, (long long)(value));
            int main(void)
            {
                ncclConfig_t c = NCCL_CONFIG_INITIALIZER;
                {{offsets}}
                N(id, sizeof(ncclUniqueId))
                N(config, sizeof(ncclConfig_t))
                N(magicValue, c.magic)
                N(unset, c.minCTAs)
                N(pointer, (long long)(size_t)c.netName)
                N(Success, ncclSuccess) N(UnhandledCudaError, ncclUnhandledCudaError) N(SystemError, ncclSystemError)
                N(InternalError, ncclInternalError) N(InvalidArgument, ncclInvalidArgument) N(InvalidUsage, ncclInvalidUsage)
                N(RemoteError, ncclRemoteError) N(InProgress, ncclInProgress)
                N(UInt8, ncclUint8) N(Float32, ncclFloat32) N(Sum, ncclSum)
                N(enum, sizeof(ncclResult_t)) N(typeEnum, sizeof(ncclDataType_t)) N(opEnum, sizeof(ncclRedOp_t))
                return 0;
            }
            """,
            header);
        string[] ours = [nameof(NcclConfig.Size), nameof(NcclConfig.Magic), nameof(NcclConfig.Version), nameof(NcclConfig.Blocking),
            nameof(NcclConfig.CgaClusterSize), nameof(NcclConfig.MinCtas), nameof(NcclConfig.MaxCtas), nameof(NcclConfig.NetName),
            nameof(NcclConfig.SplitShare)];
        foreach (var (field, mine) in fields.Zip(ours)) Assert.Equal(found[field], Marshal.OffsetOf<NcclConfig>(mine));
        Assert.Equal(found["id"], Marshal.SizeOf<UniqueId>());
        Assert.True(found["config"] >= Marshal.SizeOf<NcclConfig>(), "Newer versions only add fields.");
        var settings = NcclConfig.Default;
        Assert.Equal((found["magicValue"], found["unset"], found["pointer"]), (settings.Magic, settings.MinCtas, settings.NetName));
        foreach (var type in (Type[])[typeof(NcclResult), typeof(NcclType), typeof(NcclOperation)])
        {
            foreach (object value in Enum.GetValues(type))
                Assert.Equal(found[value.ToString()!], Convert.ToInt64(value, CultureInfo.InvariantCulture));
        }

        Assert.Equal((4, 4, 4), (found["enum"], found["typeEnum"], found["opEnum"]));
    }

    [Fact]
    public void Functions_HaveTheHeadersParameters()
    {
        string source = Put("functions.c", "#include <nccl.h>\n");
        string header = Compiler(["-E", "-P", .. Includes(HeaderFolder()), source]);
        var methods = typeof(NcclApi).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly);
        Assert.True(methods.Length > 8);
        foreach (var method in methods)
        {
            var declaration = Regex.Match(header, $@"(?<result>[\w\s*]+?)\b{method.Name}\s*\((?<parameters>[^)]*)\)");
            Assert.True(declaration.Success, $"The header has no {method.Name}.");
            string expected = string.Join(", ", declaration.Groups["parameters"].Value.Split(',').Select(KindOf));
            Assert.Equal($"{method.Name}: {expected}", $"{method.Name}: {string.Join(", ", method.GetParameters().Select(KindOf))}");
            string result = KindOf(declaration.Groups["result"].Value);
            Assert.Equal(result, KindOf(method.ReturnType));
        }
    }

    [Fact]
    public void Layouts_AreThoseOf217() => Assert.Equal(
        (128, 48, 8, 16, 32, 40),
        (Marshal.SizeOf<UniqueId>(), Marshal.SizeOf<NcclConfig>(), (int)Marshal.OffsetOf<NcclConfig>(nameof(NcclConfig.Magic)),
            (int)Marshal.OffsetOf<NcclConfig>(nameof(NcclConfig.Blocking)), (int)Marshal.OffsetOf<NcclConfig>(nameof(NcclConfig.NetName)),
            (int)Marshal.OffsetOf<NcclConfig>(nameof(NcclConfig.SplitShare))));

    /// <summary>The id goes by value, between other arguments: C sees its bytes and theirs.</summary>
    [Fact]
    public unsafe void Id_GoesByValue()
    {
        string library = Path.Combine(_folder, "libtake.so");
        string source = Put(
            "take.c",
            """
            typedef struct { char internal[128]; } id;
            int take(void **out, int ranks, id given, int rank, unsigned long *config)
            {
                int i;
                for (i = 0; i < 128; i++) if ((unsigned char)given.internal[i] != (unsigned char)(3 * i + 1)) return 1000 + i;
                *out = config;
                return ranks == 7 && rank == 5 && *config == 48 ? 0 : 1;
            }
            """);
        Compiler(["-shared", "-fPIC", "-o", library, source]);
        nint handle = NativeLibrary.Load(library);
        try
        {
            var take = (delegate* unmanaged<nint*, int, UniqueId, int, NcclConfig*, NcclResult>)NativeLibrary.GetExport(handle, "take");
            byte[] bytes = [.. Enumerable.Range(0, UniqueId.LengthBytes).Select(i => (byte)(3 * i + 1))];
            var id = new UniqueId(bytes);
            Assert.Equal(bytes, id.ToArray());
            var config = NcclConfig.Default;
            nint comm;
            Assert.Equal(NcclResult.Success, take(&comm, 7, id, 5, &config));
            Assert.Equal((nint)(&config), comm);
        }
        finally
        {
            NativeLibrary.Free(handle);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>A folder with nccl.h; the test is skipped where there is none.</summary>
    private static string HeaderFolder()
    {
        string? beside = CudaLibraries.Find(CudaLibrary.Nccl) is { } found && Path.GetDirectoryName(found.Path) is { Length: > 0 } lib
            ? Path.Combine(lib, "..", "include")
            : null;
        string[] toolkits = Directory.Exists("/usr/local") ? Directory.GetDirectories("/usr/local", "cuda*") : [];
        string?[] folders =
        [
            Environment.GetEnvironmentVariable("LAPIDARY_NCCL_INCLUDE"), beside, "/usr/include",
            .. toolkits.Select(toolkit => Path.Combine(toolkit, "include")),
        ];
        string? folder = Array.Find(folders, candidate => candidate is not null && File.Exists(Path.Combine(candidate, "nccl.h")));
        Assert.SkipWhen(folder is null, "No nccl.h was found; LAPIDARY_NCCL_INCLUDE may name its folder.");
        return folder!;
    }

    /// <summary>What CUDA's headers give to nccl.h, which are not needed to be there: the stream's type.</summary>
    private string[] Includes(string header)
    {
        string stubs = Path.Combine(_folder, "stubs");
        Directory.CreateDirectory(stubs);
        File.WriteAllText(
            Path.Combine(stubs, "cuda_runtime.h"), "#pragma once\n#include <stddef.h>\ntypedef struct CUstream_st* cudaStream_t;\n");
        foreach (string empty in (string[])["cuda_fp16.h", "cuda_bf16.h", "cuda_fp8.h"]) File.WriteAllText(Path.Combine(stubs, empty), "");
        return ["-I", stubs, "-I", header];
    }

    /// <summary>Runs a C program that prints names and numbers.</summary>
    private Dictionary<string, long> Run(string program, string header)
    {
        string executable = Path.Combine(_folder, "mirror");
        Compiler([.. Includes(header), "-o", executable, Put("mirror.c", program)]);
        return Output(executable, []).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' '))
            .ToDictionary(line => line[0], line => long.Parse(line[1], CultureInfo.InvariantCulture));
    }

    private static string Compiler(IReadOnlyList<string> arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "NCCL exists for Linux only.");
        string? compiler = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .SelectMany(folder => new[] { Path.Combine(folder, "cc"), Path.Combine(folder, "gcc") }).FirstOrDefault(File.Exists);
        Assert.SkipWhen(compiler is null, "There is no C compiler (cc or gcc).");
        return Output(compiler!, arguments);
    }

    private static string Output(string program, IReadOnlyList<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program}: {errors.Result}");
        return output;
    }

    private string Put(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>How a parameter of the header travels.</summary>
    private static string KindOf(string declaration) => declaration switch
    {
        _ when declaration.Contains('*') || HandleType().IsMatch(declaration) => "pointer",
        _ when declaration.Contains("ncclUniqueId", StringComparison.Ordinal) => "id",
        _ when declaration.Contains("size_t", StringComparison.Ordinal) => "size",
        _ when IntegerType().IsMatch(declaration) => "int",
        _ => declaration.Trim(),
    };

    private static string KindOf(ParameterInfo parameter) => KindOf(parameter.ParameterType);

    private static string KindOf(Type type) => type switch
    {
        _ when type.IsPointer || type == typeof(nint) => "pointer",
        _ when type == typeof(UniqueId) => "id",
        _ when type == typeof(nuint) => "size",
        _ when type == typeof(int) || (type.IsEnum && Enum.GetUnderlyingType(type) == typeof(int)) => "int",
        _ => type.Name,
    };

    [GeneratedRegex(@"\b(?:ncclComm_t|cudaStream_t)\b")]
    private static partial Regex HandleType();

    [GeneratedRegex(@"\b(?:int|ncclResult_t|ncclDataType_t|ncclRedOp_t)\b")]
    private static partial Regex IntegerType();
}
