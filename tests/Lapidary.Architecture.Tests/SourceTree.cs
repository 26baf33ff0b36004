using Lapidary.Tests;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Lapidary.Architecture.Tests;

/// <summary>The C# files of src, understood by the compiler.</summary>
internal static class SourceTree
{
    private const string Usings =
        "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; "
        + "global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

    private static readonly Lazy<CSharpCompilation> Compiled = new(Compile);

    /// <summary>The folder src.</summary>
    public static string Root { get; } = Path.Combine(Fixtures.Repository, "src");

    /// <summary>All files, as one program.</summary>
    public static CSharpCompilation Compilation => Compiled.Value;

    /// <summary>The files that are in the repository's src, without what builds made.</summary>
    public static IEnumerable<SyntaxTree> Files => Compilation.SyntaxTrees.Where(tree => tree.FilePath.Length > 0);

    /// <summary>A file's path from src on, with slashes: "Lapidary.Engine/Tensors/Tensor.cs".</summary>
    public static string PathOf(SyntaxTree tree) => Path.GetRelativePath(Root, tree.FilePath).Replace('\\', '/');

    /// <summary>A file's folder: "Lapidary.Engine/Tensors".</summary>
    public static string FolderOf(SyntaxTree tree) => PathOf(tree)[..PathOf(tree).LastIndexOf('/')];

    /// <summary>A file's project: "Lapidary.Engine".</summary>
    public static string ProjectOf(SyntaxTree tree) => PathOf(tree)[..PathOf(tree).IndexOf('/', StringComparison.Ordinal)];

    /// <summary>The types that a file declares outside of other types.</summary>
    public static IEnumerable<INamedTypeSymbol> TypesOf(SyntaxTree tree)
    {
        var model = Compilation.GetSemanticModel(tree);
        return tree.GetRoot().DescendantNodes(node => node is not Microsoft.CodeAnalysis.CSharp.Syntax.BaseTypeDeclarationSyntax)
            .Select(node => model.GetDeclaredSymbol(node)).OfType<INamedTypeSymbol>();
    }

    private static CSharpCompilation Compile()
    {
        var options = new CSharpParseOptions(LanguageVersion.Preview);
        var trees = Directory.EnumerateFiles(Root, "*.cs", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), options, file))
            .Append(CSharpSyntaxTree.ParseText(Usings, options));
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => !Path.GetFileName(path).StartsWith("lapidary", StringComparison.OrdinalIgnoreCase))
            .Select(path => MetadataReference.CreateFromFile(path));
        var output = new CSharpCompilationOptions(OutputKind.ConsoleApplication, allowUnsafe: true);
        return CSharpCompilation.Create("Lapidary", trees, references, output);
    }
}
