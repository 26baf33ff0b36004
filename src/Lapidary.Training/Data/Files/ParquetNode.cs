using Parquet;
using Parquet.Schema;

namespace Lapidary.Training.Data.Files;

/// <summary>A field of the schema, which builds its values from the levels of the leaves below it.</summary>
/// <remarks>Source: Melnik et al., "Dremel: interactive analysis of web-scale datasets", 2010. An entry of a leaf has a definition level,
/// which tells how much of its path exists, and a repetition level, which tells the list that it continues.</remarks>
internal abstract class ParquetNode
{
    /// <summary>Deepest nesting of lists, structs and maps, as in JSON.</summary>
    private const int MaxDepth = 64;

    private ParquetLeaf? _first;

    /// <summary>The first leaf below; its levels stand for all leaves.</summary>
    private ParquetLeaf First => _first ??= Leaves.First();

    /// <summary>The leaves below, at least one.</summary>
    protected abstract IEnumerable<ParquetLeaf> Leaves { get; }

    /// <summary>Creates the node of a field.</summary>
    public static ParquetNode Create(Field field, int depth = 0)
    {
        if (depth > MaxDepth) throw new InvalidDataException($"column {field.Path} is nested too deeply");
        return field switch
        {
            DataField { IsArray: false } data => new Single(new ParquetLeaf(data)),
            DataField data => new Repeated(new Single(new ParquetLeaf(data)), data.MaxRepetitionLevel, data.MaxDefinitionLevel),
            ListField list => new Repeated(Create(list.Item, depth + 1), list.MaxRepetitionLevel, list.MaxDefinitionLevel),
            MapField map => new Map(
                Create(map.Key, depth + 1), Create(map.Value, depth + 1), map.MaxRepetitionLevel, map.MaxDefinitionLevel),
            StructField { Fields.Count: > 0 } parts => new Struct(
                [.. parts.Fields.Select(part => (part.Name, Create(part, depth + 1)))], parts.MaxDefinitionLevel),
            _ => throw new InvalidDataException($"column {field.Path} has no values"),
        };
    }

    /// <summary>One value per row.</summary>
    public object?[] ReadColumn(ParquetRowGroupReader group, ParquetPages pages, int rows)
    {
        var leaves = Leaves.ToList();
        foreach (var leaf in leaves) leaf.Load(group, pages);
        object?[] values = new object?[rows];
        for (int i = 0; i < rows; i++) values[i] = Read();
        if (leaves.Find(leaf => !leaf.IsAtEnd) is { } longer)
            throw new InvalidDataException($"column {longer.Name} has more than {rows} rows");
        return values;
    }

    /// <summary>The next value.</summary>
    protected abstract object? Read();

    /// <summary>Skips an entry without a value at or below this node.</summary>
    private object? Skip(object? value)
    {
        foreach (var leaf in Leaves) leaf.Skip();
        return value;
    }

    private sealed class Single(ParquetLeaf leaf) : ParquetNode
    {
        protected override IEnumerable<ParquetLeaf> Leaves => [leaf];

        protected override object? Read() => leaf.Next();
    }

    private sealed class Struct((string Name, ParquetNode Node)[] parts, int definition) : ParquetNode
    {
        protected override IEnumerable<ParquetLeaf> Leaves => parts.SelectMany(part => part.Node.Leaves);

        /// <remarks>Null fields are left out: the struct of a column has the keys of all rows, and TRL, too, removes keys that a row does
        /// not have.</remarks>
        protected override object? Read()
        {
            if (parts[0].Node.First.Definition < definition) return Skip(null);
            var values = new Dictionary<string, object?>(StringComparer.Ordinal);
            foreach (var (name, node) in parts)
            {
                if (node.Read() is { } value) values[name] = value;
            }

            return values;
        }
    }

    /// <summary>A list: it has elements from one definition level on; one level lower it is empty, and below that null.</summary>
    private sealed class Repeated(ParquetNode item, int repetition, int definition) : ParquetNode
    {
        protected override IEnumerable<ParquetLeaf> Leaves => item.Leaves;

        protected override object? Read()
        {
            int found = First.Definition;
            if (found < definition) return Skip(found < definition - 1 ? null : Array.Empty<object?>());
            List<object?> elements = [];
            do elements.Add(item.Read());
            while (First.Continues(repetition));
            return elements.TrueForAll(x => x is long) ? elements.ConvertAll(x => (long)x!).ToArray() : elements.ToArray();
        }
    }

    /// <summary>A map: a list of keys and values.</summary>
    private sealed class Map(ParquetNode key, ParquetNode value, int repetition, int definition) : ParquetNode
    {
        protected override IEnumerable<ParquetLeaf> Leaves => key.Leaves.Concat(value.Leaves);

        protected override object? Read()
        {
            int found = First.Definition;
            var values = new Dictionary<string, object?>(StringComparer.Ordinal);
            if (found < definition) return Skip(found < definition - 1 ? null : values);
            do
            {
                string name = key.Read() as string ?? throw new InvalidDataException($"column {First.Name} has a map without text as keys");
                values[name] = value.Read();
            }
            while (First.Continues(repetition));
            return values;
        }
    }
}
