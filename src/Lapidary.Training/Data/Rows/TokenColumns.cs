using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Rows;

/// <summary>Reads a pre-tokenized row: input_ids, labels, and the masks of TRL's rows.</summary>
internal static class TokenColumns
{
    private const string Ids = "input_ids";

    public static TokensRow Read(DataRecord record)
    {
        int[] ids = Integers(record, Ids, JsonColumn.Read(record, Ids));
        int[]? labels = JsonColumn.ReadIfThere(record, "labels") is { } value ? Integers(record, "labels", value) : null;
        if (labels is not null && labels.Length != ids.Length)
            throw record.Origin.Error($"expected as many labels as input_ids, found {labels.Length} and {ids.Length}.");
        bool[]? completion = Mask(record, "completion_mask", ids.Length), assistant = Mask(record, "assistant_masks", ids.Length);
        if (Mask(record, "attention_mask", ids.Length) is { } attention && attention.Contains(false))
        {
            // Padding: the model must see the row without it.
            ids = Kept(ids, attention)!;
            labels = Kept(labels, attention);
            completion = Kept(completion, attention);
            assistant = Kept(assistant, attention);
        }

        return new(ids, labels) { CompletionMask = completion, AssistantMask = assistant, Origin = record.Origin };
    }

    private static T[]? Kept<T>(T[]? values, bool[] mask) => values is null ? null : [.. values.Where((_, i) => mask[i])];

    private static bool[]? Mask(DataRecord record, string column, int length)
    {
        object? value = JsonColumn.ReadIfThere(record, column);
        bool[]? mask = value switch
        {
            null => null,
            long[] numbers when Array.TrueForAll(numbers, x => x is 0 or 1) => Array.ConvertAll(numbers, x => x == 1),
            object?[] flags when Array.TrueForAll(flags, x => x is bool) => Array.ConvertAll(flags, x => (bool)x!),
            _ => throw record.Origin.Error($"expected a list of 0 and 1 in \"{column}\", found {Found(value)}."),
        };
        if (mask is not null && mask.Length != length)
            throw record.Origin.Error($"expected as many values in \"{column}\" as input_ids, found {mask.Length} and {length}.");
        return mask;
    }

    private static string Found(object value) =>
        value is long[] numbers ? $"{numbers.First(x => x is not (0 or 1))} among them" : DataRecord.Describe(value);

    private static int[] Integers(DataRecord record, string column, object? value)
    {
        if (value is object?[] { Length: 0 }) return [];
        if (value is not long[] numbers)
            throw record.Origin.Error($"expected a list of integers in \"{column}\", found {DataRecord.Describe(value)}.");
        int[] integers = new int[numbers.Length];
        for (int i = 0; i < integers.Length; i++)
        {
            if (numbers[i] is < int.MinValue or > int.MaxValue)
                throw record.Origin.Error($"expected token ids in \"{column}\", found {numbers[i]} at index {i}.");
            integers[i] = (int)numbers[i];
        }

        return integers;
    }
}
