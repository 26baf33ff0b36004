using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Lapidary.Packages.Tests;

/// <summary>What pages show is compiled as it stands there.</summary>
public partial class SnippetTests
{
    [Fact]
    public void TheReadMesProgram_CompilesAsPasted()
    {
        var snippets = ReadMe.Snippets("README.md");
        Assert.NotEmpty(snippets);
        Compile(snippets[0]);
        Assert.InRange(snippets[0].Split('\n').Count(line => line.Length > 0 && !line.StartsWith("//", StringComparison.Ordinal)), 15, 26);
    }

    /// <summary>Later snippets of the page go on from the first one: they know its variables, and add lines of their own.</summary>
    [Fact]
    public void TheReadMesOtherSnippets_CompileAfterTheFirst()
    {
        var snippets = ReadMe.Snippets("README.md");
        foreach (string snippet in snippets.Skip(1))
        {
            string usings = string.Concat(Using().Matches(snippet).Select(match => match.Value)
                .Where(line => !snippets[0].Contains(line, StringComparison.Ordinal)));
            string body = Using().Replace(snippet, "");
            Compile(
                $"{usings}{snippets[0]}\nasync Task Next()\n{{\nawait Task.Yield();\n{body}\n}}\nawait Next();\n", implicitUsings: true);
        }
    }

    [Fact]
    public void ThePackagesOwnReadMe_CompilesAsPasted() => Compile(Assert.Single(ReadMe.Snippets("src/Lapidary/README.md")));

    /// <summary>Pages that are no whole programs; what they take for granted is in <see cref="SnippetContext"/>.</summary>
    public static TheoryData<string> OtherPages =>
        new(ReadMe.Pages().Except(["README.md", "src/Lapidary/README.md", .. GuideTests.Languages]));

    [Theory]
    [MemberData(nameof(OtherPages))]
    public void OtherPages_CompileInTheirContext(string page)
    {
        foreach (string snippet in ReadMe.Snippets(page)) CompileInContext(snippet);
    }

    [Fact]
    public void TheGuidesSample_CompilesWithoutAWarning() =>
        Compile(Directive().Replace(ReadMe.Text(GuideTests.Sample), ""), implicitUsings: true);

    /// <summary>Compiles lines that take for granted what <see cref="SnippetContext"/> declares.</summary>
    internal static void CompileInContext(string snippet)
    {
        var usings = Using().Matches(snippet).Select(match => match.Value);
        Compile(SnippetContext.Around(usings, Using().Replace(snippet, "")), implicitUsings: true, OutputKind.DynamicallyLinkedLibrary);
    }

    private static void Compile(string program, bool implicitUsings = false, OutputKind kind = OutputKind.ConsoleApplication)
    {
        const string Implicit =
            "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; "
            + "global using System.Threading; global using System.Threading.Tasks;";
        var options = new CSharpParseOptions(LanguageVersion.Preview);
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path));
        string[] sources = implicitUsings ? [program, Implicit] : [program];
        var compilation = CSharpCompilation.Create(
            "snippet", sources.Select(source => CSharpSyntaxTree.ParseText(source, options)), references,
            new CSharpCompilationOptions(kind, nullableContextOptions: NullableContextOptions.Enable));
        var wrong = compilation.GetDiagnostics().Where(message => message.Severity >= DiagnosticSeverity.Warning);
        Assert.True(!wrong.Any(), $"{string.Join('\n', wrong)}\n\n{program}");
    }

    [GeneratedRegex(@"^using [\w.]+;\r?\n", RegexOptions.Multiline)]
    private static partial Regex Using();

    /// <summary>A line that is for the SDK, not for the compiler.</summary>
    [GeneratedRegex(@"^#:.*\n", RegexOptions.Multiline)]
    private static partial Regex Directive();
}
