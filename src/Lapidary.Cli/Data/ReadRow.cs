using Lapidary.Cli.Runs;
using Lapidary.Formats;
using Lapidary.Training;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;
using Lapidary.Training.Data.Sources;

namespace Lapidary.Cli.Data;

/// <summary>A row with all of its columns.</summary>
/// <param name="Record">The columns; all of them are in memory.</param>
/// <param name="Row">What they mean; null if that is unknown, or the row is invalid.</param>
/// <param name="Error">Why the row is invalid; null if it is not.</param>
internal sealed record ReadRow(DataRecord Record, DataRow? Row, string? Error);

/// <summary>Reads the rows of a data set once, with all columns.</summary>
internal sealed class RowReading
{
    private readonly NamedData _data;
    private bool _isUnknown;

    public RowReading(NamedData data) => (_data, Options) = (data, data.Options);

    /// <summary>How columns become rows; complete after the first row.</summary>
    public DataSetOptions Options { get; private set; }

    /// <summary>The built-in template that the columns fit, if none was chosen and none of the columns has a meaning by its name.</summary>
    public string? GuessedTemplate { get; private set; }

    /// <summary>Why the columns have no meaning; null if they have one.</summary>
    public string? Unknown { get; private set; }

    /// <summary>Number of rows that filters left out.</summary>
    public long LeftOut { get; private set; }

    /// <summary>The requested rows.</summary>
    public IEnumerable<ReadRow> Read() => Read(_data.Source?.FetchRows());

    /// <summary>Rows of some files.</summary>
    /// <param name="parts">The files; null for standard input.</param>
    public IEnumerable<ReadRow> Read(IReadOnlyList<SourceRows>? parts)
    {
        var records = new RecordReader(Options);
        bool isFirst = true;
        foreach (var file in NamedData.RecordsOf(parts, records))
        {
            RowReader? reader = null;
            foreach (var record in file)
            {
                var whole = record with { Columns = new OrderedDictionary<string, object?>(record.Columns) };
                if (isFirst) Decide(whole);
                isFirst = false;
                reader ??= new RowReader(Options);
                yield return Read(whole, reader);
            }
        }

        LeftOut = records.LeftOut;
    }

    private ReadRow Read(DataRecord record, RowReader reader)
    {
        if (_isUnknown) return new(record, Row: null, Error: null);
        try
        {
            return new(record, reader.Read(record), Error: null);
        }
        catch (LapidaryException error)
        {
            return new(record, Row: null, error.Message);
        }
    }

    /// <summary>Decides how columns are read, by the first row.</summary>
    private void Decide(DataRecord first)
    {
        if (Options.Template is not null) return;
        try
        {
            new RowReader(Options).Read(first);
        }
        catch (LapidaryException error)
        {
            string[] known = ["messages", "conversations", "prompt", "text", "input_ids"];
            if (known.Any(first.Columns.ContainsKey)) return; // a faulty row of a known kind
            GuessedTemplate = RowTemplate.Like(first.Columns.ContainsKey);
            if (GuessedTemplate is not null) Options = Options with { Template = RowTemplate.Load(GuessedTemplate) };
            else (_isUnknown, Unknown) = (true, error.Message);
        }
    }
}
