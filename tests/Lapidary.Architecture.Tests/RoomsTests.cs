using System.Text.RegularExpressions;
using Lapidary.Tests;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Lapidary.Architecture.Tests;

/// <summary>The rules by which a reader finds a file: docs/adr/0014-rooms.md says why.</summary>
public partial class RoomsTests
{
    private const int MaxFilesOfAFolder = 18;
    private const int MaxMembersOfAClass = 60;
    private const int MaxColumns = 140;

    /// <summary>Folders that need each other: an adapter belongs to a model whose layers hold it, an NF4 tensor has scales that are
    /// tensors.</summary>
    private static readonly string[] HonestCircles =
        ["Lapidary.Engine/Nf4 <-> Lapidary.Engine/Tensors", "Lapidary.Gemma/Lora <-> Lapidary.Gemma/Model"];

    /// <summary>Each project with those below it that it may reference.</summary>
    private static readonly string[] Layers =
    [
        "Lapidary.Formats", "Lapidary.Hub", "Lapidary.Jinja", "Lapidary.Engine", "Lapidary.Gemma", "Lapidary.Training",
        "Lapidary.TextToSql", "Lapidary.Hosting", "Lapidary.Server", "Lapidary.Cli",
    ];

    /// <summary>Which folder uses types of which other, with one example each; found once, as every name of src is looked at.</summary>
    private static readonly Lazy<Dictionary<(string From, string To), string>> Uses = new(FindUses);

    [Fact]
    public void Sources_AreUnderstood()
    {
        // What generators add to a build (protobuf, P/Invoke, regular expressions) is not here; a file that is misread is.
        Assert.True(SourceTree.Files.Count() > 300);
        AssertNone(SourceTree.Files.SelectMany(tree => tree.GetDiagnostics())
            .Where(error => error.Severity == DiagnosticSeverity.Error).Select(error => error.ToString()));
        var tensor = SourceTree.Compilation.GetTypeByMetadataName("Lapidary.Engine.Tensor");
        Assert.NotNull(tensor);
        Assert.NotEmpty(tensor.GetMembers("Reshape"));
    }

    [Fact]
    public void Namespaces_AreTheFolder_OrTheProjectWhereUsersTypeThem()
    {
        var wrong = new List<string>();
        foreach (var tree in SourceTree.Files)
        {
            var types = SourceTree.TypesOf(tree).ToList();
            if (types.Count == 0) continue;
            bool isPublic = types.Any(type => type.DeclaredAccessibility == Accessibility.Public);
            string expected = isPublic ? SourceTree.ProjectOf(tree) : SourceTree.FolderOf(tree).Replace('/', '.');
            string actual = types[0].ContainingNamespace.ToDisplayString();
            if (actual != expected) wrong.Add($"{SourceTree.PathOf(tree)}: {actual}, expected {expected}");
        }

        AssertNone(wrong);
    }

    [Fact]
    public void Folders_AreSmall()
    {
        var folders = Directory.EnumerateDirectories(SourceTree.Root, "*", SearchOption.AllDirectories)
            .Select(folder => (Folder: folder, Files: Directory.GetFiles(folder).Length));
        AssertNone(folders.Where(entry => entry.Files > MaxFilesOfAFolder).Select(entry => $"{entry.Folder}: {entry.Files} files"));
    }

    [Fact]
    public void Folders_AreNamedInTheMapOfTheArchitecturePage()
    {
        string page = File.ReadAllText(Path.Combine(Fixtures.Repository, "docs", "architecture.md"));
        string map = page[page.IndexOf("## Rooms", StringComparison.Ordinal)..page.IndexOf("## Reading order", StringComparison.Ordinal)];
        AssertNone(SourceTree.Files.Select(SourceTree.FolderOf).Distinct()
            .Where(folder => !map.Contains(folder[(folder.LastIndexOfAny(['/', '.']) + 1)..] + "/", StringComparison.Ordinal)));
        string[] files = [.. Regex.Matches(page, @"`((?:[A-Z]\w+/)+[\w.]+\.(?:cs|cu))`").Select(match => match.Groups[1].Value)];
        Assert.NotEmpty(files);
        AssertNone(files.Where(file => !File.Exists(Path.Combine(SourceTree.Root, "Lapidary." + file))));
    }

    [Fact]
    public void Classes_AreSmall()
    {
        var types = SourceTree.Files.SelectMany(SourceTree.TypesOf).Distinct<INamedTypeSymbol>(SymbolEqualityComparer.Default)
            .Where(type => type.TypeKind is TypeKind.Class or TypeKind.Struct or TypeKind.Interface);
        var large = types.Select(type => (Type: type.ToDisplayString(), Members: type.GetMembers().Count(IsDeclared)))
            .Where(entry => entry.Members > MaxMembersOfAClass)
            .Select(entry => $"{entry.Type}: {entry.Members} members");
        AssertNone(large);

        static bool IsDeclared(ISymbol member) => !member.IsImplicitlyDeclared && member is not IMethodSymbol
        {
            MethodKind: MethodKind.PropertyGet or MethodKind.PropertySet or MethodKind.EventAdd or MethodKind.EventRemove,
        };
    }

    [Fact]
    public void Folders_UseEachOtherOneWay()
    {
        var uses = Uses.Value;
        var circles = uses.Keys
            .Where(pair => string.CompareOrdinal(pair.From, pair.To) < 0 && uses.ContainsKey((pair.To, pair.From)))
            .Select(pair => (Name: $"{pair.From} <-> {pair.To}", Why: $"{uses[pair]}; {uses[(pair.To, pair.From)]}"))
            .Where(circle => !HonestCircles.Contains(circle.Name))
            .Select(circle => $"{circle.Name} ({circle.Why})");
        AssertNone(circles);
        Assert.All(HonestCircles, circle => Assert.Contains(circle.Split(" <-> ") is [var a, var b] ? (a, b) : default, uses.Keys));
    }

    [Fact]
    public void Projects_UseOnlyThoseBelow()
    {
        var wrong = Uses.Value.Where(use => Layer(use.Key.From) < Layer(use.Key.To))
            .Select(use => $"{use.Key.From} -> {use.Key.To}: {use.Value}");
        AssertNone(wrong);

        static int Layer(string folder) => Array.IndexOf(Layers, folder.Split('/')[0]);
    }

    [Fact]
    public void Libraries_NameKeys_NotTheCommandLinesFlags()
    {
        var flags =
            from tree in SourceTree.Files
            where SourceTree.ProjectOf(tree) != "Lapidary.Cli"
            from token in tree.GetRoot().DescendantTokens()
            where token.Kind() is SyntaxKind.StringLiteralToken or SyntaxKind.InterpolatedStringTextToken
                or SyntaxKind.SingleLineRawStringLiteralToken or SyntaxKind.MultiLineRawStringLiteralToken
            where Flag().IsMatch(token.Text) && !IsOptionOfNvrtc(token.Text)
            select $"{SourceTree.PathOf(tree)}: {token.Text}";
        AssertNone(flags);

        static bool IsOptionOfNvrtc(string text) => text.Contains("--std=", StringComparison.Ordinal)
            || text.Contains("--gpu-architecture=", StringComparison.Ordinal);
    }

    /// <remarks>Programs that make fixtures hold their texts, which are as long as they are.</remarks>
    [Fact]
    public void Lines_EndAt140Columns()
    {
        string[] roots = ["src", "tests", "bench", "samples"];
        var wide =
            from root in roots
            from file in Directory.EnumerateFiles(Path.Combine(Fixtures.Repository, root), "*.*", SearchOption.AllDirectories)
            where Path.GetExtension(file) is ".cs" or ".cu" or ".cuh" && !file.Contains("Fixtures", StringComparison.Ordinal)
            from line in File.ReadLines(file).Index()
            where line.Item.EnumerateRunes().Count() > MaxColumns
            select $"{Path.GetRelativePath(Fixtures.Repository, file)}:{line.Index + 1}";
        AssertNone(wide);
    }

    private static void AssertNone(IEnumerable<string> wrong) => Assert.True(!wrong.Any(), string.Join('\n', wrong));

    private static Dictionary<(string From, string To), string> FindUses()
    {
        var uses = new Dictionary<(string From, string To), string>();
        foreach (var tree in SourceTree.Files)
        {
            var model = SourceTree.Compilation.GetSemanticModel(tree);
            string from = SourceTree.FolderOf(tree);
            foreach (var name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
            {
                var symbol = model.GetSymbolInfo(name).Symbol;
                var type = symbol as INamedTypeSymbol ?? symbol?.ContainingType;
                while (type?.ContainingType is { } outer) type = outer;
                if (type is null or { IsTupleType: true } or { IsAnonymousType: true }) continue;
                var folders = type.DeclaringSyntaxReferences.Select(part => SourceTree.FolderOf(part.SyntaxTree)).Distinct().ToList();
                if (folders.Count == 0 || folders.Contains(from)) continue;
                uses.TryAdd((from, folders[0]), $"{Path.GetFileName(tree.FilePath)} uses {type.Name}");
            }
        }

        return uses;
    }

    [GeneratedRegex("--[a-z]{3,}")]
    private static partial Regex Flag();
}
