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
    private static readonly string Kernels = string.Join('\n', [.. KernelSources.Headers.Select(header => header.Text), .. KernelSources.Files.Select(file => KernelSources.Read(file).Text)]);

    private static readonly string Backend = string.Join('\n', Directory
        .GetFiles(Path.Combine(Fixtures.Repository, "src", "Lapidary.Engine", "Cuda"), "CudaBackend*.cs", SearchOption.AllDirectories)
        .Order(StringComparer.Ordinal).Select(File.ReadAllText));

    public static TheoryData<Type> Structs { get; } =
        [.. typeof(CudaBackend).GetNestedTypes(BindingFlags.NonPublic).Where(type => type.Name.EndsWith("Args", StringComparison.Ordinal)).Select(type => new TheoryDataRow<Type>(type))];

    /// <summary>Field of the backend, file, function.</summary>
    public static TheoryData<string, string, string> KernelFields { get; } =
        [.. KernelField().Matches(Backend).Select(match => new TheoryDataRow<string, string, string>(match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value))];

    [Theory]
    [MemberData(nameof(Structs))]
    public void Struct_HasTheFieldsOfItsCounterpart(Type type) => Assert.Equal(FieldsInC(type.Name), FieldsInCSharp(type));

    [Theory]
    [MemberData(nameof(KernelFields))]
    public void Kernel_IsInItsFile_AndTakesWhatIsLaunchedWith(string field, string file, string name)
    {
        Assert.Contains(file, KernelSources.Files);
        var declaration = Regex.Match(KernelSources.Read(file).Text, $@"extern ""C"" __global__ void (?:__cluster_dims__\([^)]*\) )?(?:__launch_bounds__\([^)]*\) )?{name}\(\s*(?:const )?(?:__grid_constant__ )?(\w+) \w+\)");
        Assert.True(declaration.Success, $"{file} has no kernel {name} with one parameter.");
        foreach (Match launch in Regex.Matches(Backend, $@"Launch(?:Each|Runs)?\(\s*{field},[^;{{]*?new (\w+Args)\b")) Assert.Equal(declaration.Groups[1].Value, launch.Groups[1].Value);
    }

    /// <summary>"name:size" of each field in order, nested structs taken apart; names without case and underscores.</summary>
    private static string[] FieldsInCSharp(Type type) => [.. type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).SelectMany(field =>
        field.GetCustomAttribute<FixedBufferAttribute>() is { } buffer ? [$"{Plain(field.Name)}[{buffer.Length}]:{Marshal.SizeOf(buffer.ElementType)}"]
            : field.FieldType is { IsPrimitive: false, IsEnum: false, IsPointer: false } nested ? FieldsInCSharp(nested)
            : [$"{Plain(field.Name)}:{(field.FieldType.IsPointer ? nint.Size : Marshal.SizeOf(field.FieldType.IsEnum ? Enum.GetUnderlyingType(field.FieldType) : field.FieldType))}"])];

    private static string[] FieldsInC(string name)
    {
        var match = Regex.Match(Kernels, $@"struct {name}\s*\{{(.*?)\n\}};", RegexOptions.Singleline);
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
}
