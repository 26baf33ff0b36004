using System.IO.Hashing;
using System.Runtime.InteropServices;
using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Schemas;
using Lapidary.TextToSql.Synthesis.Shapes;

namespace Lapidary.TextToSql.Synthesis;

/// <summary>Makes the rows of a seed, each one by itself.</summary>
/// <param name="domains">Domains to draw from.</param>
/// <param name="complexities">Complexities to draw; empty for all.</param>
/// <param name="seed">The seed.</param>
internal sealed class RowMaker(IReadOnlyList<DomainSpec> domains, IReadOnlyCollection<string> complexities, long seed)
{
    /// <summary>Attempts with a shape before another one is drawn, so that shapes whose questions often fail are not rare.</summary>
    private const int AttemptsWithShape = 64;

    private const int MostAttempts = 1 << 12, QuestionsPerSchema = 3;

    private const long ShapeStreams = 1L << 62;

    /// <summary>Makes a row.</summary>
    /// <param name="index">Its number.</param>
    /// <param name="firstAttempt">0, or the one after that of a row that was not wanted.</param>
    public SyntheticRow Make(long index, int firstAttempt = 0)
    {
        for (int attempt = firstAttempt; attempt < MostAttempts; attempt++)
        {
            var shape = ShapeTable.Draw(
                new Dice(seed, ShapeStreams + (index * MostAttempts) + (attempt / AttemptsWithShape)), complexities);
            var dice = new Dice(seed, (index * MostAttempts) + attempt);
            var domain = dice.Pick(domains);
            if (new SchemaDraw(domain, dice).Draw(shape.Tables) is not { } schema) continue;
            if (Ask(schema, shape, dice) is { } question) return Row(schema, shape, question, attempt);
        }

        throw new InvalidOperationException($"No question is found for row {index}.");
    }

    private static Question? Ask(Schema schema, Shape shape, Dice dice)
    {
        QuestionCheck? check = null;
        try
        {
            for (int i = 0; i < QuestionsPerSchema; i++)
            {
                if (shape.Ask(new Scene(schema, dice)) is not { } question) continue;
                check ??= new QuestionCheck(schema);
                if (check.Holds(question)) return question;
            }

            return null;
        }
        finally
        {
            check?.Dispose();
        }
    }

    private static SyntheticRow Row(Schema schema, Shape shape, Question question, int attempt)
    {
        string text = char.ToUpperInvariant(question.Text[0]) + question.Text[1..];
        string declarations = string.Join(' ', schema.Tables.Select(table => SchemaScript.Create(table, schema.Style)));
        string task = question.Writes ? "data manipulation"
            : shape.Complexity is "aggregation" or "window functions" or "CTEs" ? "analytics and reporting" : "data retrieval";
        var row = new TextToSqlRow(text, schema.Script, question.Sql + ";")
        {
            Domain = schema.Domain.Name,
            Complexity = shape.Complexity,
        };
        return new(row, schema.Domain.Description, task, shape.Name)
        {
            Identity = XxHash128.HashToUInt128(MemoryMarshal.AsBytes($"{text}\n{declarations}".AsSpan())),
            Attempt = attempt,
        };
    }
}
