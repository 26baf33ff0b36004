using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Lapidary.Formats;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Training;

/// <content>Rows that a program has.</content>
public sealed partial class DataSet
{
    /// <summary>The name of a program's rows in errors.</summary>
    private const string ObjectsName = "rows";

    /// <summary>Makes rows from a program's objects: anonymous types, records, entities of a database.</summary>
    /// <typeparam name="T">Its public properties are the columns: Prompt and Completion, Messages, Text or InputIds. A string is a text; a
    /// list of <see cref="Gemma.ChatTurn"/> or of Microsoft.Extensions.AI's ChatMessage is a conversation; a dictionary has columns like a
    /// file.</typeparam>
    /// <param name="rows">The objects, read once, in order.</param>
    /// <exception cref="LapidaryException">An object is invalid; the message names the row, counted from 1, and the property.</exception>
    public static DataSet From<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T>(IEnumerable<T> rows) =>
        From(rows, new DataSetOptions());

    /// <summary>Makes rows from a program's objects.</summary>
    /// <typeparam name="T">As for <see cref="From{T}(IEnumerable{T})"/>.</typeparam>
    /// <param name="rows">The objects, read once, in order.</param>
    /// <param name="options">How columns become rows, and which rows to keep.</param>
    /// <exception cref="LapidaryException">An object is invalid; the message names the row, counted from 1, and the property.</exception>
    public static DataSet From<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T>(
        IEnumerable<T> rows, DataSetOptions options)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(options);
        var properties = ObjectColumns.PropertiesOf(typeof(T));
        var records = new RecordReader(options);
        var stored = NewRows(options);
        Append(stored, records.Filter(Records(rows, properties)), options);
        return new(NotEmpty(stored, ObjectsName, records.LeftOut), options);
    }

    /// <summary>Makes rows from a program's objects with a function.</summary>
    /// <param name="rows">The objects, read once, in order.</param>
    /// <param name="selector">Makes the row of an object: a <see cref="PromptCompletionRow"/>, <see cref="MessagesRow"/>,
    /// <see cref="TextRow"/> or another one.</param>
    /// <exception cref="LapidaryException">No row is given, or an object or its row is null.</exception>
    public static DataSet From<T>(IEnumerable<T> rows, Func<T, DataRow> selector)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(selector);
        var options = new DataSetOptions();
        var stored = NewRows(options);
        foreach (var row in rows)
        {
            var origin = OriginOf(stored.Count);
            if (row is null) throw origin.Error("expected an object, found null.");
            stored.Add((selector(row) ?? throw origin.Error("expected a row from the selector, found null.")) with { Origin = origin });
        }

        return new(NotEmpty(stored, ObjectsName, leftOut: 0), options);
    }

    private static RowOrigin OriginOf(int row) => new(ObjectsName, "row", row + 1);

    private static IEnumerable<DataRecord> Records<T>(IEnumerable<T> rows, PropertyInfo[] properties)
    {
        int number = 0;
        foreach (var row in rows)
        {
            var origin = OriginOf(number++);
            if (row is null) throw origin.Error("expected an object, found null.");
            var columns = ObjectColumns.Of(row, properties);
            if (columns.Count == 0)
            {
                throw origin.Error(
                    $"expected an object with public properties, found {typeof(T).Name}, which has none; give a function that makes rows.");
            }

            yield return new DataRecord(origin, columns);
        }
    }
}
