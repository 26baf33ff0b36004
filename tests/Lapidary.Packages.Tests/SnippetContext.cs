namespace Lapidary.Packages.Tests;

/// <summary>What the lines that pages show take for granted: a host's builder, a loaded model, a data set.</summary>
internal static class SnippetContext
{
    private const string Usings = """
        using System.ClientModel;
        using Lapidary.Engine;
        using Lapidary.Gemma;
        using Lapidary.Hosting;
        using Lapidary.Hub;
        using Lapidary.Server;
        using Lapidary.TextToSql;
        using Lapidary.Training;
        using Microsoft.Extensions.AI;
        using Microsoft.Extensions.DependencyInjection;
        using Microsoft.Extensions.Hosting;
        using OpenAI;

        """;

    private const string Known = """
        internal static class Page
        {
            private static HostApplicationBuilder builder => Host.CreateApplicationBuilder();
            private static IBackend backend => null!;
            private static IChatClient client => null!;
            private static GemmaModel model => null!;
            private static ModelOptions modelOptions => null!;
            private static Tokenizer tokenizer => null!;
            private static ChatTemplate template => null!;
            private static IReadOnlyList<int[]> prompts => null!;
            private static GenerationOptions options => null!;
            private static SftConfig config => null!;
            private static string modelId => null!;
            private static string token => null!;

            private static async Task Lines()
            {
                await Task.Yield();

        """;

    /// <summary>A compilation unit with the lines in it.</summary>
    /// <param name="usings">Directives of the page.</param>
    /// <param name="lines">Statements, and then records of one line each.</param>
    public static string Around(IEnumerable<string> usings, string lines)
    {
        string further = string.Concat(usings.Where(line => !Usings.Contains(line, StringComparison.Ordinal)));
        int types = lines.IndexOf("\nrecord ", StringComparison.Ordinal);
        var (statements, records) = types < 0 ? (lines, "") : (lines[..types], lines[types..]);
        return $"{Usings}{further}{Known}{statements}\n    }}\n}}\n{records}";
    }
}
