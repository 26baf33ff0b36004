using System.Text.Json;
using System.Text.RegularExpressions;
using Gemlet;
using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Shapes;

namespace Lapidary.TextToSql.Tests.Gemlet;

/// <summary>The corpus that gemlet is pre-trained on.</summary>
public partial class CorpusTests
{
    private const int Seed = 42, Sample = 400, Schemas = 3000;

    [Fact]
    public void Documents_AreThose_OfTheirNumberAndSeed()
    {
        string path = Path.GetTempFileName();
        try
        {
            Corpus.Write(path, "parts", 20, Seed);
            string[] texts = [.. File.ReadLines(path).Select(Text)];
            Assert.Equal(20, texts.Distinct(StringComparer.Ordinal).Count());
            Assert.Equal(Documents.Draw("parts", Seed, 7), texts[7]);
            Assert.NotEqual(Documents.Draw("parts", Seed + 1, 7), texts[7]);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>No schema has the tables of a domain of the generator, for training or for testing, and no table has its columns.</summary>
    [Fact]
    public void Schemas_ShareNoNames_WithTheGeneratorsDomains()
    {
        var tables = DomainFile.All.SelectMany(domain => domain.Tables).ToList();
        var names = tables.SelectMany(table => new[] { table.Id, table.SqlName }).ToHashSet(StringComparer.Ordinal);
        var columns = tables.Select(Columns).ToHashSet(StringComparer.Ordinal);
        for (int i = 0; i < Schemas; i++)
        {
            foreach (var table in Documents.SchemaOf(new Dice(Seed, i)).Tables)
            {
                Assert.DoesNotContain(table.Spec.SqlName, names);
                Assert.DoesNotContain(table.Spec.Id, names);
                Assert.DoesNotContain(Columns(table.Spec), columns);
            }
        }
    }

    /// <summary>Schemas differ: thousands have thousands of table names.</summary>
    [Fact]
    public void Schemas_Differ()
    {
        var tables = Enumerable.Range(0, Schemas).SelectMany(i => Documents.SchemaOf(new Dice(Seed, i)).Tables);
        Assert.True(tables.Select(table => table.Spec.Id).Distinct(StringComparer.Ordinal).Count() > Schemas);
    }

    /// <summary>A question stands behind its query, if a document has both, and there are no conversations.</summary>
    [Theory]
    [InlineData("parts")]
    [InlineData("scripts")]
    public void Documents_AnswerNoQuestion(string mix)
    {
        int both = 0;
        for (int i = 0; i < Sample; i++)
        {
            string text = Documents.Draw(mix, Seed, i);
            Assert.DoesNotContain("<start_of_turn>", text, StringComparison.Ordinal);
            Assert.DoesNotContain("USER_QUERY", text, StringComparison.Ordinal);
            string[] lines = [.. text.Split('\n').Where(line => line.Length > 0)];
            int question = Array.FindIndex(lines, line => line.EndsWith('?'));
            if (question < 0 || !lines.Any(line => Query().IsMatch(line))) continue;
            both++;
            Assert.Matches(Statement(), lines[question].Contains(';', StringComparison.Ordinal) ? lines[question] : lines[question - 1]);
        }

        Assert.True(both > Sample / 100);
    }

    /// <summary>A script's comments are no questions, and ask nobody for anything.</summary>
    [Fact]
    public void Comments_AreNoQuestions()
    {
        int comments = 0;
        foreach (string line in Enumerable.Range(0, Sample).SelectMany(i => Documents.Draw("scripts", Seed, i).Split('\n')))
        {
            if (!line.StartsWith("-- ", StringComparison.Ordinal) && !line.StartsWith("/* ", StringComparison.Ordinal)) continue;
            if (char.IsAsciiLetterUpper(line[3])) continue; // a question behind its query
            comments++;
            Assert.DoesNotContain('?', line);
            Assert.DoesNotMatch("^(-- |/[*] )(show|list|find|give|return|what is|what are) ", line);
        }

        Assert.True(comments > Sample);
    }

    /// <summary>Outside of scripts, what words stand for is a part of a query, never a query.</summary>
    [Fact]
    public void Words_ComeBeforeParts_NotQueries()
    {
        for (int i = 0; i < Sample; i++)
        {
            var dice = new Dice(Seed, i);
            var scene = new Scene(Documents.SchemaOf(dice), dice);
            if (scene.References.Any()) Assert.StartsWith("FROM ", Chains.Draw(scene)!.Value.Sql, StringComparison.Ordinal);
            if (Fragments.Draw(scene) is { } part) Assert.DoesNotMatch("^(SELECT|WITH|INSERT|UPDATE|DELETE) ", part.Sql);
        }
    }

    private static string Text(string line)
    {
        using var json = JsonDocument.Parse(line);
        return json.RootElement.GetProperty("text").GetString()!;
    }

    private static string Columns(TableSpec table) =>
        string.Join(' ', table.Columns.Select(column => column.Names[0]).Order(StringComparer.Ordinal));

    [GeneratedRegex("^(SELECT|WITH) .*;")]
    private static partial Regex Query();

    [GeneratedRegex("^(SELECT|WITH|INSERT|UPDATE|DELETE) .*;")]
    private static partial Regex Statement();
}
