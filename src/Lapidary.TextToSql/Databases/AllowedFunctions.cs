using System.Collections.Frozen;

namespace Lapidary.TextToSql.Databases;

/// <summary>SQL functions that may be called. Not among them: those that load code, tell of the machine or the build, or count
/// what ran before (changes, total_changes), and those whose time grows with the square of a value's length.</summary>
internal static class AllowedFunctions
{
    private static readonly FrozenSet<string> Names = string.Join(' ', [
        // Values and texts.
        "abs char coalesce concat concat_ws format glob hex if ifnull iif instr length like likelihood likely lower ltrim max min nullif",
        "octet_length printf quote random randomblob replace round rtrim sign soundex substr substring trim typeof unicode unistr unlikely",
        "upper zeroblob last_insert_rowid -> ->>",

        // Time.
        "date time datetime julianday unixepoch strftime timediff current_date current_time current_timestamp",

        // Aggregates and windows.
        "avg count group_concat string_agg sum total row_number rank dense_rank",
        "percent_rank cume_dist ntile lag lead first_value last_value nth_value",

        // Mathematics.
        "acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow power radians sin",
        "sinh sqrt tan tanh trunc",

        // JSON, as far as it reads or makes values.
        "json json_array json_array_length json_extract json_group_array json_group_object json_object json_quote json_type json_valid",
    ]).Split(' ').ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>The names of all of them.</summary>
    public static IEnumerable<string> All => Names;

    /// <summary>Whether statements may call a function.</summary>
    public static bool Contains(string name) => Names.Contains(name);

    /// <summary>Whether it is one that SQLite calls itself to carry out ALTER TABLE; statements cannot name these.</summary>
    public static bool IsInternal(string name) => name.StartsWith("sqlite_", StringComparison.Ordinal);
}
