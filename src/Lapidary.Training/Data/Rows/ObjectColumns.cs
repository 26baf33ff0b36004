using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using System.Reflection;
using System.Text;
using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training.Data.Files;
using Microsoft.Extensions.AI;

namespace Lapidary.Training.Data.Rows;

/// <summary>An object as a record: each public property is a column, found by its name or by the name in files: InputIds is input_ids. A
/// property is read when its column is requested, so that other relations of an entity are not loaded.</summary>
internal sealed class ObjectColumns : IReadOnlyDictionary<string, object?>
{
    /// <summary>Deeper than any data; ends the search in an object that refers to itself.</summary>
    private const int MaxDepth = 32;

    private readonly object _row;
    private readonly PropertyInfo[] _properties;

    private ObjectColumns(object row, PropertyInfo[] properties) => (_row, _properties) = (row, properties);

    /// <inheritdoc/>
    public int Count => _properties.Length;

    /// <inheritdoc/>
    public IEnumerable<string> Keys => _properties.Select(property => property.Name);

    /// <inheritdoc/>
    public IEnumerable<object?> Values => _properties.Select(Read);

    /// <inheritdoc/>
    public object? this[string key] => TryGetValue(key, out object? value) ? value : throw new KeyNotFoundException(key);

    /// <summary>The properties of a type that are columns of its objects.</summary>
    public static PropertyInfo[] PropertiesOf(
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] Type type) =>
        [.. type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(IsColumn)];

    /// <summary>The columns of an object.</summary>
    /// <param name="row">An object, a text, a dictionary, or a conversation as a list of messages.</param>
    /// <param name="properties">The properties of its type.</param>
    public static IReadOnlyDictionary<string, object?> Of(object row, PropertyInfo[] properties) => row switch
    {
        string => new Dictionary<string, object?> { ["text"] = row },
        IEnumerable<ChatTurn> or IEnumerable<ChatMessage> => new Dictionary<string, object?> { ["messages"] = Value(row, 0) },
        IDictionary or IReadOnlyDictionary<string, object?> => (IReadOnlyDictionary<string, object?>)Value(row, 0)!,
        _ => new ObjectColumns(row, properties),
    };

    /// <inheritdoc/>
    public bool ContainsKey(string key) => Find(key) is not null;

    /// <inheritdoc/>
    public bool TryGetValue(string key, out object? value)
    {
        var property = Find(key);
        value = property is null ? null : Read(property);
        return property is not null;
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() =>
        _properties.Select(property => new KeyValuePair<string, object?>(property.Name, Read(property))).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static bool IsColumn(PropertyInfo property) => property.CanRead && property.GetIndexParameters().Length == 0;

    private PropertyInfo? Find(string column) =>
        Array.Find(_properties, property => property.Name == column) ?? Array.Find(_properties, property => IsSame(property.Name, column));

    /// <summary>Whether names are equal apart from case and underscores.</summary>
    private static bool IsSame(string property, string column)
    {
        int i = 0;
        foreach (char c in column)
        {
            if (c == '_') continue;
            while (i < property.Length && property[i] == '_') i++;
            if (i == property.Length || char.ToUpperInvariant(property[i++]) != char.ToUpperInvariant(c)) return false;
        }

        return i == property.Length;
    }

    private object? Read(PropertyInfo property) => Value(Get(property, _row), 0);

    private static object? Get(PropertyInfo property, object from)
    {
        try
        {
            return property.GetValue(from);
        }
        catch (TargetInvocationException e)
        {
            throw new LapidaryException($"The property {property.Name} cannot be read ({e.InnerException?.Message}).", e);
        }
    }

    /// <summary>A value in the form of <see cref="DataRecord"/>.</summary>
    private static object? Value(object? value, int depth)
    {
        if (depth > MaxDepth)
            throw new LapidaryException($"expected objects in objects up to {MaxDepth} deep, found more; is there a circle?");
        return value switch
        {
            null or string or bool or long or double or BigInteger => value,
            sbyte or byte or short or ushort or int or uint => Convert.ToInt64(value, CultureInfo.InvariantCulture),
            ulong large => large <= long.MaxValue ? (long)large : (BigInteger)large,
            float or decimal or Half => Convert.ToDouble(value, CultureInfo.InvariantCulture),
            char or Guid or Uri => value.ToString(),
            Enum => value.ToString(),
            DateTime or DateTimeOffset or DateOnly or TimeOnly or TimeSpan => new Unreadable($"type {value.GetType().Name}"),
            JsonElement json => Files.JsonValue.Parse(Encoding.UTF8.GetBytes(json.GetRawText())),
            ChatTurn turn => Turn(turn, depth),
            ChatMessage message => Message(message),
            IDictionary fields => Dictionary(fields, depth),
            IReadOnlyDictionary<string, object?> fields => fields.ToDictionary(
                field => field.Key, field => Value(field.Value, depth + 1), StringComparer.Ordinal),
            IEnumerable list => List(list, depth),
            _ => Object(value, depth),
        };
    }

    private static Dictionary<string, object?> Turn(ChatTurn turn, int depth)
    {
        if (turn.Fields is { } fields) return WithTrain(fields.ToDictionary(StringComparer.Ordinal), turn);
        object? content = turn.Content;
        if (turn.Parts is { } parts) content = parts.Select(part => Value(part, depth + 1)).ToArray();
        return WithTrain(new(StringComparer.Ordinal) { ["role"] = turn.Role, ["content"] = content }, turn);
    }

    private static Dictionary<string, object?> WithTrain(Dictionary<string, object?> fields, ChatTurn turn)
    {
        if (!turn.IsTrained) fields["train"] = false;
        return fields;
    }

    /// <summary>The texts of a message. Any other content is not text and cannot be trained.</summary>
    private static Dictionary<string, object?> Message(ChatMessage message)
    {
        if (message.Contents.FirstOrDefault(content => content is not TextContent) is { } other)
            throw new LapidaryException($"expected messages of text, found a {other.GetType().Name}.");
        return new Dictionary<string, object?>(StringComparer.Ordinal) { ["role"] = message.Role.Value, ["content"] = message.Text };
    }

    private static Dictionary<string, object?> Dictionary(IDictionary fields, int depth)
    {
        var result = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (DictionaryEntry field in fields) result[field.Key.ToString() ?? ""] = Value(field.Value, depth + 1);
        return result;
    }

    /// <summary>Integers in a list are ids, masks or labels, which are stored as long[].</summary>
    private static object List(IEnumerable list, int depth)
    {
        object?[] values = [.. list.Cast<object?>().Select(value => Value(value, depth + 1))];
        bool areIntegers = values.Length > 0 && Array.TrueForAll(values, value => value is long);
        return areIntegers ? Array.ConvertAll(values, value => (long)value!) : values;
    }

    /// <summary>An object in a row, such as a message, with template-style names. A null property counts as missing. The role comes first,
    /// as in files.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification = "What trimming removed is missing in the error of the row.")]
    private static Dictionary<string, object?> Object(object value, int depth)
    {
        var fields = new Dictionary<string, object?>(StringComparer.Ordinal);
        var named = value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(IsColumn)
            .Select(property => (Name: JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name), Property: property))
            .OrderBy(field => field.Name switch { "role" => 0, "content" => 1, _ => 2 });
        foreach (var (name, property) in named)
        {
            if (Get(property, value) is { } field) fields[name] = Value(field, depth + 1);
        }

        return fields;
    }
}
