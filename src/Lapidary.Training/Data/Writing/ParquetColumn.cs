using Lapidary.Formats;
using Parquet;
using Parquet.Schema;

namespace Lapidary.Training.Data.Writing;

/// <summary>What a Parquet column holds.</summary>
internal enum ParquetKind
{
    /// <summary>Strings.</summary>
    Text,

    /// <summary>64-bit integers.</summary>
    Integer,

    /// <summary>64-bit floats.</summary>
    Real,

    /// <summary>Booleans.</summary>
    Flag,

    /// <summary>A list of messages: structs of role and content.</summary>
    Messages,

    /// <summary>Anything else, as JSON text.</summary>
    Json,
}

/// <summary>A column of a Parquet file that is written.</summary>
/// <param name="name">Its name.</param>
/// <param name="kind">What it holds.</param>
internal sealed class ParquetColumn(string name, ParquetKind kind)
{
    private const string Role = "role", Content = "content";

    private readonly DataField _role = new(Role, typeof(string), isNullable: true);
    private readonly DataField _content = new(Content, typeof(string), isNullable: true);

    private DataField? _field;

    public string Name => name;

    public ParquetKind Kind => kind;

    /// <summary>The kind that holds all values of a column.</summary>
    public static ParquetKind KindOf(IEnumerable<object?> values)
    {
        ParquetKind? kind = null;
        foreach (var found in values.OfType<object>().Select(KindOf))
        {
            kind = kind is null || kind == found ? found
                : kind is ParquetKind.Integer or ParquetKind.Real && found is ParquetKind.Integer or ParquetKind.Real ? ParquetKind.Real
                : ParquetKind.Json;
        }

        return kind ?? ParquetKind.Text;
    }

    /// <summary>The field of the schema.</summary>
    public Field Field() => kind == ParquetKind.Messages
        ? new ListField(name, new StructField(ListField.ElementName, _content, _role))
        : _field = kind switch
        {
            ParquetKind.Integer => new DataField<long?>(name),
            ParquetKind.Real => new DataField<double?>(name),
            ParquetKind.Flag => new DataField<bool?>(name),
            _ => new DataField(name, typeof(string), isNullable: true),
        };

    /// <summary>Writes the column of a row group.</summary>
    /// <param name="group">The row group.</param>
    /// <param name="values">A value for each row.</param>
    /// <param name="json">Writes a value as JSON.</param>
    /// <exception cref="LapidaryException">A value does not fit the kind.</exception>
    public void Write(ParquetRowGroupWriter group, IReadOnlyList<object?> values, Func<object, string> json)
    {
        foreach (object value in values.OfType<object>())
        {
            var found = KindOf(value);
            if (found == kind || kind == ParquetKind.Json || (kind == ParquetKind.Real && found == ParquetKind.Integer)) continue;
            throw new LapidaryException(
                $"column {name}: expected values of one type, as Parquet has, found {found} after {kind}; write JSON Lines.");
        }

        switch (kind)
        {
            case ParquetKind.Integer:
                group.WriteAsync<long>(_field!, values.Select(value => (long?)value).ToArray()).GetAwaiter().GetResult();
                break;
            case ParquetKind.Real:
                double?[] numbers = [.. values.Select(value => value is long whole ? whole : (double?)value)];
                group.WriteAsync<double>(_field!, numbers).GetAwaiter().GetResult();
                break;
            case ParquetKind.Flag:
                group.WriteAsync<bool>(_field!, values.Select(value => (bool?)value).ToArray()).GetAwaiter().GetResult();
                break;
            case ParquetKind.Messages:
                WriteMessages(group, values);
                break;
            default:
                string?[] texts = [.. values.Select(value => kind == ParquetKind.Json && value is not null ? json(value) : (string?)value)];
                group.WriteAsync(_field!, texts!).GetAwaiter().GetResult();
                break;
        }
    }

    private void WriteMessages(ParquetRowGroupWriter group, IReadOnlyList<object?> values)
    {
        List<string> roles = [], contents = [];
        var levels = new List<int>();
        foreach (object? value in values)
        {
            int level = 0;
            foreach (var message in ((object?[])value!).Cast<IReadOnlyDictionary<string, object?>>())
            {
                roles.Add((string)message[Role]!);
                contents.Add((string)message[Content]!);
                levels.Add(level);
                level = 1;
            }
        }

        var repetitions = (ReadOnlyMemory<int>)levels.ToArray();
        group.WriteAsync(_content, contents, repetitions).GetAwaiter().GetResult();
        group.WriteAsync(_role, roles, repetitions).GetAwaiter().GetResult();
    }

    private static ParquetKind KindOf(object value) => value switch
    {
        string => ParquetKind.Text,
        bool => ParquetKind.Flag,
        long => ParquetKind.Integer,
        double => ParquetKind.Real,
        object?[] { Length: > 0 } list when Array.TrueForAll(list, IsMessage) => ParquetKind.Messages,
        _ => ParquetKind.Json,
    };

    private static bool IsMessage(object? value) => value is IReadOnlyDictionary<string, object?> { Count: 2 } fields
        && fields.GetValueOrDefault(Role) is string && fields.GetValueOrDefault(Content) is string;
}
