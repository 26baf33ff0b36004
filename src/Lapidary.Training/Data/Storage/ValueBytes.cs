using System.Numerics;

namespace Lapidary.Training.Data.Storage;

/// <summary>Values of chat templates as bytes: null, booleans, whole numbers, doubles, texts, lists and dictionaries of these.</summary>
internal static class ValueBytes
{
    private enum Kind : byte
    {
        Null,
        False,
        True,
        Integer,
        BigInteger,
        Real,
        Text,
        List,
        Fields,
    }

    /// <summary>Appends a value of the types that TemplateValue produces.</summary>
    public static void Write(ByteBuilder bytes, object? value)
    {
        switch (value)
        {
            case null:
                bytes.Byte((byte)Kind.Null);
                break;
            case bool flag:
                bytes.Byte((byte)(flag ? Kind.True : Kind.False));
                break;
            case long integer:
                bytes.Byte((byte)Kind.Integer);
                bytes.Long(integer);
                break;
            case BigInteger integer:
                bytes.Byte((byte)Kind.BigInteger);
                bytes.Bytes(integer.ToByteArray());
                break;
            case double number:
                bytes.Byte((byte)Kind.Real);
                bytes.Long(BitConverter.DoubleToInt64Bits(number));
                break;
            case string text:
                bytes.Byte((byte)Kind.Text);
                bytes.Text(text);
                break;
            case IReadOnlyDictionary<string, object?> fields:
                bytes.Byte((byte)Kind.Fields);
                WriteFields(bytes, fields);
                break;
            case IReadOnlyList<object?> list:
                bytes.Byte((byte)Kind.List);
                bytes.Number(list.Count);
                foreach (object? item in list) Write(bytes, item);
                break;
            default:
                throw new ArgumentException($"A {value.GetType().Name} is no value of a template.", nameof(value));
        }
    }

    /// <summary>Appends a dictionary in its order.</summary>
    public static void WriteFields(ByteBuilder bytes, IReadOnlyDictionary<string, object?> fields)
    {
        bytes.Number(fields.Count);
        foreach (var (name, value) in fields)
        {
            bytes.Text(name);
            Write(bytes, value);
        }
    }

    /// <summary>Reads a dictionary.</summary>
    public static Dictionary<string, object?> ReadFields(ref ByteSource bytes)
    {
        int count = bytes.Count();
        var fields = new Dictionary<string, object?>(count, StringComparer.Ordinal);
        for (int i = 0; i < count; i++)
        {
            string name = bytes.Text();
            fields[name] = Read(ref bytes);
        }

        return fields;
    }

    private static object? Read(ref ByteSource bytes) => (Kind)bytes.Byte() switch
    {
        Kind.Null => null,
        Kind.False => false,
        Kind.True => true,
        Kind.Integer => bytes.Long(),
        Kind.BigInteger => new BigInteger(bytes.Bytes()),
        Kind.Real => BitConverter.Int64BitsToDouble(bytes.Long()),
        Kind.Text => bytes.Text(),
        Kind.List => ReadList(ref bytes),
        Kind.Fields => ReadFields(ref bytes),
        _ => throw ByteSource.Damaged(),
    };

    private static List<object?> ReadList(ref ByteSource bytes)
    {
        int count = bytes.Count();
        List<object?> list = new(count);
        for (int i = 0; i < count; i++) list.Add(Read(ref bytes));
        return list;
    }
}
