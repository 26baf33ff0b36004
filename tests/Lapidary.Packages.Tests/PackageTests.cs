using System.IO.Compression;
using System.Reflection;
using System.Xml.Linq;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Hosting;
using Lapidary.Hub;
using Lapidary.Jinja;
using Lapidary.Server;
using Lapidary.Tests;
using Lapidary.TextToSql;
using Lapidary.Training;

namespace Lapidary.Packages.Tests;

/// <summary>What is in the packages, and a program that has nothing else.</summary>
public class PackageTests(PackedPackages packages)
{
    private static readonly Assembly[] Libraries =
    [
        typeof(LapidaryException).Assembly, typeof(HubClient).Assembly, typeof(JinjaException).Assembly, typeof(IBackend).Assembly,
        typeof(GemmaModel).Assembly, typeof(SftTrainer).Assembly, typeof(TinyGemma).Assembly, typeof(LapidaryChatClientOptions).Assembly,
        typeof(LapidaryServerOptions).Assembly,
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void AllPackages_AreMade_WithTheirSymbols()
    {
        Assert.Equal(
            PackedPackages.Ids.Select(id => $"{id}.{packages.Version}.nupkg"),
            Directory.GetFiles(packages.Folder, "*.nupkg").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (var library in Libraries)
        {
            using var symbols = ZipFile.OpenRead(Path.ChangeExtension(packages.PathOf(NameOf(library)), ".snupkg"));
            Assert.Contains(symbols.Entries, entry => entry.FullName == $"lib/net10.0/{NameOf(library)}.pdb");
        }
    }

    [Fact]
    public void EveryPackage_SaysWhatItIs()
    {
        foreach (string id in PackedPackages.Ids)
        {
            using var package = ZipFile.OpenRead(packages.PathOf(id));
            string[] files = [.. package.Entries.Select(entry => entry.FullName)];
            Assert.Contains("README.md", files);
            Assert.Contains("icon.png", files);
            Assert.DoesNotContain(files, file => file.EndsWith(".resources.dll", StringComparison.Ordinal));
            var nuspec = Read(package, id + ".nuspec");
            string Value(string name) => nuspec.Descendants().Single(element => element.Name.LocalName == name).Value;
            Assert.Equal("Apache-2.0", Value("license"));
            Assert.Contains("gemma", Value("tags"), StringComparison.Ordinal);
            Assert.StartsWith("https://", Value("projectUrl"), StringComparison.Ordinal);
            Assert.NotEmpty(Value("description"));
            Assert.DoesNotContain("Package Description", Value("description"), StringComparison.Ordinal);
            var repository = nuspec.Descendants().Single(element => element.Name.LocalName == "repository");
            Assert.StartsWith("https://", (string?)repository.Attribute("url"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void TheDocumentation_TellsOfThePublicSurfaceAlone()
    {
        foreach (var library in Libraries)
        {
            using var package = ZipFile.OpenRead(packages.PathOf(NameOf(library)));
            var members = Read(package, $"lib/net10.0/{NameOf(library)}.xml").Descendants("member")
                .Select(member => (string)member.Attribute("name")!).ToList();
            var types = library.GetTypes().ToLookup(type => type.IsVisible, type => type.FullName!.Replace('+', '.'));
            var documented = members.Where(member => member[0] == 'T').Select(member => member[2..]).ToList();
            Assert.Empty(documented.Intersect(types[false]));
            Assert.Empty(documented.Except(types[true]));
            Assert.Empty(types[true].Except(documented));
            foreach (string member in members.Where(member => member[0] != 'T'))
            {
                string name = member[2..].Split('(')[0];
                Assert.Contains(name[..name.LastIndexOf('.')], types[true]);
            }
        }

        // One that is known, of each kind.
        using var training = ZipFile.OpenRead(packages.PathOf("Lapidary.Training"));
        string text = Read(training, "lib/net10.0/Lapidary.Training.xml").ToString();
        Assert.Contains("M:Lapidary.Training.SftTrainer.TrainAsync(", text, StringComparison.Ordinal);
        Assert.Contains("P:Lapidary.Training.SftConfig.MaxLength", text, StringComparison.Ordinal);
        Assert.Contains("F:Lapidary.Training.SftTrainer.LatestCheckpoint", text, StringComparison.Ordinal);
        Assert.DoesNotContain("P:Lapidary.Training.SftConfig.EffectivePacking", text, StringComparison.Ordinal);
    }

    [Fact]
    public void TheEngine_BringsItsKernels() => Assert.All(
        Directory.GetFiles(Path.Combine(Fixtures.Repository, "src", "Lapidary.Engine", "Cuda"), "*.cu*", SearchOption.AllDirectories),
        file => Assert.Contains("Cuda/" + Path.GetFileName(file), typeof(IBackend).Assembly.GetManifestResourceNames()));

    [Fact]
    public async Task TheTool_RunsFromItsPackage()
    {
        string folder = Fixtures.TemporaryFolder();
        await ZipFile.ExtractToDirectoryAsync(packages.PathOf("Lapidary.Tool"), folder, Token);
        string tool = Assert.Single(Directory.GetFiles(folder, "lapidary.dll", SearchOption.AllDirectories));

        Assert.StartsWith(packages.Version, await DotNet.Run([tool, "--version"], Token), StringComparison.Ordinal);

        string settings = await File.ReadAllTextAsync(Path.Combine(Path.GetDirectoryName(tool)!, "DotnetToolSettings.xml"), Token);
        Assert.Contains("Name=\"lapidary\"", settings, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>README.md's program, on the built-in model, in a folder that knows the packages and nothing of this repository.</summary>
    [Fact]
    public async Task TheReadMesProgram_BuildsAndRunsFromThePackagesAlone()
    {
        string folder = Fixtures.TemporaryFolder(), model = Path.Combine(folder, "model"), rows = Path.Combine(folder, "rows.jsonl");
        TinyGemma.Write(model);
        TextToSqlData.Write(rows, TextToSqlData.Rows());
        string program = ReadMe.Snippets("README.md")[0];
        foreach (var (old, now) in new[]
        {
            ("\"google/gemma-3-1b-pt\"", Quoted(model)), ("\"google/gemma-3-1b-it\"", Quoted(model)),
            ("\"text-to-sql.jsonl\"", Quoted(rows)), ("12_500", "40"), ("2_500", "8"), ("NumTrainEpochs = 3", "MaxSteps = 2"),
        })
        {
            Assert.Contains(old, program, StringComparison.Ordinal);
            program = program.Replace(old, now, StringComparison.Ordinal);
        }

        var (app, output) = await PackagedApp.RunAsync(folder, program, packages, ["Lapidary"], Token);

        Assert.Contains("over 25 tokens the largest logit distance is", output, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(app, "text-to-sql", "adapter_model.safetensors")), output);
        Assert.True(File.Exists(Path.Combine(app, "text-to-sql", "run.yaml")), output);
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(app, "text-to-sql", "runs")));
        Assert.True(File.Exists(Path.Combine(app, "merged", "model.safetensors")), output);
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>README.md's program of a host, with the packages that stand above it and no others.</summary>
    [Fact]
    public async Task TheReadMesHost_BuildsAndAnswersFromThePackagesAlone()
    {
        string folder = Fixtures.TemporaryFolder(), model = Path.Combine(folder, "model");
        TinyGemma.Write(model);
        string page = ReadMe.Text("README.md");
        string program = Assert.Single(
            ReadMe.Snippets("README.md"), snippet => snippet.StartsWith("using Lapidary.Hosting;", StringComparison.Ordinal));
        string[] lines = page[..page.IndexOf(program, StringComparison.Ordinal)].TrimEnd().Split('\n')[..^3];
        const string Add = "dotnet add package ";
        string[] named =
        [
            .. lines.Reverse().TakeWhile(line => line.StartsWith(Add, StringComparison.Ordinal))
                .Select(line => line[Add.Length..].Split(' ')[0]),
        ];
        Assert.Contains("Lapidary.Hosting", named);

        var (_, output) = await PackagedApp.RunAsync(
            folder, program.Replace("\"merged\"", Quoted(model), StringComparison.Ordinal), packages, named, Token);

        Assert.Contains($"Loaded {model} on", output, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    private static string Quoted(string path) => $"@\"{path}\"";

    private static string NameOf(Assembly library) => library.GetName().Name!;

    private static XDocument Read(ZipArchive package, string name)
    {
        using var stream = package.GetEntry(name)!.Open();
        return XDocument.Load(stream);
    }
}
