using System.Security.Cryptography;
using System.Text;

namespace Lapidary.Training.Reports.Pages;

/// <summary>The parts of the page that are the same in all reports: styles, the chart library, the page's script.</summary>
internal static class PageAssets
{
    /// <summary>uPlot, with the licence that its copies must have.</summary>
    public static string Charts { get; } = $"/*!\n{Read("uPlot.LICENSE")}*/\n{Read("uPlot.iife.min.js")}";

    /// <summary>uPlot's styles.</summary>
    public static string ChartStyles { get; } = Read("uPlot.min.css");

    /// <summary>The page's script: draws the charts and switches between light and dark.</summary>
    public static string Script { get; } = Read("report.js");

    /// <summary>The page's styles.</summary>
    public static string Styles { get; } = Read("report.css");

    /// <summary>What the page may do: apply these styles and run these scripts, and nothing that loads or sends anything.</summary>
    public static string Policy { get; } =
        $"default-src 'none'; script-src {Hash(Charts)} {Hash(Script)}; style-src {Hash(ChartStyles)} {Hash(Styles)}; "
        + "img-src data:; base-uri 'none'; form-action 'none'";

    /// <summary>Browsers hash a script with line feeds as line ends.</summary>
    private static string Read(string name)
    {
        using var stream = typeof(PageAssets).Assembly.GetManifestResourceStream($"Reports/{name}")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().ReplaceLineEndings("\n").TrimEnd('\n') + "\n";
    }

    private static string Hash(string text) => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}'";
}
