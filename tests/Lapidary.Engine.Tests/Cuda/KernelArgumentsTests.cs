using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Lapidary.Engine.Cuda.Compilation;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>A kernel takes one struct by value, written once in C# and once in CUDA C++: these tests hold the two together.</summary>
public partial class KernelArgumentsTests
{
    private static readonly string Kernels = string.Join('\n',
        [.. KernelSources.Headers.Select(header => header.Text), .. KernelSources.Files.Select(file => KernelSources.Read(file).Text)]);

    /// <summary>The backend's files: a kernel's field and its launches stand in one.</summary>
    private static readonly string[] Files = [.. Directory
        .GetFiles(Path.Combine(Fixtures.Repository, "src", "Lapidary.Engine", "Cuda"), "*.cs", SearchOption.AllDirectories)
        .Order(StringComparer.Ordinal)];

    private static readonly Type[] Arguments = [.. typeof(CudaBackend).Assembly.GetTypes().Where(type =>
        type is { IsValueType: true, Namespace: { } space } && space.StartsWith("Lapidary.Engine.Cuda", StringComparison.Ordinal)
        && type.Name.EndsWith("Args", StringComparison.Ordinal))];

    public static TheoryData<Type> Structs { get; } = [.. Arguments.Select(type => new TheoryDataRow<Type>(type))];

    /// <summary>Name of the C# file, field, .cu file, function.</summary>
    public static TheoryData<string, string, string, string> KernelFields { get; } =
        [.. Files.SelectMany(path => KernelField().Matches(File.ReadAllText(path)).Select(match =>
            new TheoryDataRow<string, string, string, string>(
                Path.GetFileName(path), match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value)))];

    [Theory]
    [MemberData(nameof(Structs))]
    public void Struct_HasTheFieldsOfItsCounterpart(Type type) => Assert.Equal(FieldsInC(type.Name), FieldsInCSharp(type));

    [Fact]
    public void Structs_AreThoseOfTheKernels() => Assert.Equal(
        StructInC().Matches(Kernels).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal),
        Arguments.Select(type => type.Name).Order(StringComparer.Ordinal));

    [Fact]
    public void Fields_AreAllKernels_EachOnce() => Assert.Equal(
        FunctionInC().Matches(Kernels).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal),
        KernelFields.Select(row => row.Data.Item4).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(KernelFields))]
    public void Kernel_IsInItsFile_AndTakesWhatIsLaunchedWith(string source, string field, string file, string name)
    {
        Assert.Contains(file, KernelSources.Files);
        var declaration = Regex.Match(
            KernelSources.Read(file).Text,
            @"extern ""C"" __global__ void (?:__cluster_dims__\([^)]*\) )?(?:__launch_bounds__\([^)]*\) )?"
            + $@"{name}\(\s*(?:const )?(?:__grid_constant__ )?(\w+) \w+\)");
        Assert.True(declaration.Success, $"{file} has no kernel {name} with one parameter.");
        string text = File.ReadAllText(Assert.Single(Files, path => Path.GetFileName(path) == source));
        foreach (Match launch in Regex.Matches(text, $@"Launch(?:Each|Runs|Strided)?\(\s*{field},[^;{{]*?new (\w+Args)\b"))
            Assert.Equal(declaration.Groups[1].Value, launch.Groups[1].Value);
    }

    /// <summary>"name:size" of each field in order, nested structs taken apart; names without case and underscores.</summary>
    private static string[] FieldsInCSharp(Type type) =>
        [.. type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).SelectMany(FieldsInCSharp)];

    private static string[] FieldsInCSharp(FieldInfo field)
    {
        if (field.GetCustomAttribute<FixedBufferAttribute>() is { } buffer)
            return [$"{Plain(field.Name)}[{buffer.Length}]:{Marshal.SizeOf(buffer.ElementType)}"];
        if (field.FieldType.IsPointer) return [$"{Plain(field.Name)}:{nint.Size}"];
        if (field.FieldType.IsEnum) return [$"{Plain(field.Name)}:{Marshal.SizeOf(Enum.GetUnderlyingType(field.FieldType))}"];
        return field.FieldType.IsPrimitive ? [$"{Plain(field.Name)}:{Marshal.SizeOf(field.FieldType)}"] : FieldsInCSharp(field.FieldType);
    }

    private static string[] FieldsInC(string name)
    {
        var match = Regex.Match(Kernels, $@"struct (?:alignas\(\d+\) )?{name}\s*\{{(.*?)\n\}};", RegexOptions.Singleline);
        Assert.True(match.Success, $"No .cu file has a struct {name}.");
        string body = Regex.Replace(match.Groups[1].Value, "//.*", "");
        List<string> fields = [];
        foreach (string declaration in body.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            // A member function of a nested struct ends the data.
            if (declaration.Contains('(')) break;
            var parts = Regex.Match(declaration, @"^(?:const )?(\w+)(\s*\*)?\s*(.+)$", RegexOptions.Singleline);
            string type = parts.Groups[1].Value;
            foreach (string variable in parts.Groups[3].Value.Split(','))
            {
                bool pointer = parts.Groups[2].Success || variable.Contains('*');
                string field = Plain(variable.Replace("*", "", StringComparison.Ordinal).Replace("const", "", StringComparison.Ordinal));
                if (pointer) fields.Add($"{field}:8");
                else if (SizeInC(type) is { } size) fields.Add($"{field}:{size}");
                else fields.AddRange(FieldsInC(type));
            }
        }

        return [.. fields];
    }

    private static int? SizeInC(string type) => type switch
    {
        "int" or "uint32" or "float" => 4,
        "int64" or "uint64" or "double" => 8,
        _ => null,
    };

    private static string Plain(string name) => name.Trim().Replace("_", "", StringComparison.Ordinal).ToUpperInvariant();

    [GeneratedRegex(@"(?m)^    private readonly Kernel (_\w+) = new\(""([\w.]+)"", ""(\w+)""\)")]
    private static partial Regex KernelField();

    [GeneratedRegex(@"(?m)^struct (?:alignas\(\d+\) )?(\w+Args) \{")]
    private static partial Regex StructInC();

    [GeneratedRegex(@"extern ""C"" __global__ void (?:__\w+__\([^)]*\) )*(\w+)\(")]
    private static partial Regex FunctionInC();
}
