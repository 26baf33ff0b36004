using System.Globalization;
using System.Text;
using Lapidary.Engine;
using Lapidary.TextToSql.Databases.Sqlite;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Lapidary.TextToSql.Databases;

/// <summary>Functions of SQLite that are replaced: those of chance and of the clock, so that results repeat, and those whose time grows
/// with the product of two lengths, within a single step that nothing can stop.</summary>
internal sealed class StableFunctions(GuardLimits limits) : IDisposable
{
    private const int Innocuous = 0x200000;
    private const int Stable = raw.SQLITE_UTF8 | raw.SQLITE_DETERMINISTIC | Innocuous;

    /// <summary>Bytes of a text that is looked for in another.</summary>
    private const int MaxNeedle = 1000;

    private readonly string _now = limits.Now.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
    private StableRandom _random = new((ulong)limits.Seed);
    private SqliteConnection? _clock;

    /// <summary>A statement starts: random() starts anew.</summary>
    public void Begin() => _random = new StableRandom((ulong)limits.Seed);

    /// <summary>Adds the functions to a database.</summary>
    public void AddTo(sqlite3 database)
    {
        void Add(string name, int count, int flags, delegate_function_scalar function) =>
            raw.sqlite3_create_function(database, name, count, flags, null, function);

        Add("random", 0, raw.SQLITE_UTF8 | Innocuous, (context, _, _) => raw.sqlite3_result_int64(context, (long)_random.Next()));
        Add("randomblob", 1, raw.SQLITE_UTF8 | Innocuous, RandomBlob);
        foreach (string name in (string[])["date", "time", "datetime", "julianday", "unixepoch"])
            Add(name, -1, Stable, (context, _, values) => Time(context, name, values, 0, 0));
        Add("strftime", -1, Stable, (context, _, values) => Time(context, "strftime", values, 1, 1));
        Add("timediff", 2, Stable, (context, _, values) => Time(context, "timediff", values, 0, 1));
        Add("current_date", 0, Stable, (context, _, _) => raw.sqlite3_result_text(context, _now[..10]));
        Add("current_time", 0, Stable, (context, _, _) => raw.sqlite3_result_text(context, _now[11..]));
        Add("current_timestamp", 0, Stable, (context, _, _) => raw.sqlite3_result_text(context, _now));
        Add("instr", 2, Stable, Instr);
        Add("replace", 3, Stable, Replace);
        Add("trim", 2, Stable, (context, _, values) => Trim(context, values, true, true));
        Add("ltrim", 2, Stable, (context, _, values) => Trim(context, values, true, false));
        Add("rtrim", 2, Stable, (context, _, values) => Trim(context, values, false, true));
    }

    /// <inheritdoc/>
    public void Dispose() => _clock?.Dispose();

    private void RandomBlob(sqlite3_context context, object data, sqlite3_value[] values)
    {
        long length = Math.Max(1, raw.sqlite3_value_int64(values[0]));
        if (length > limits.MaxValueBytes)
        {
            raw.sqlite3_result_error_toobig(context);
            return;
        }

        byte[] bytes = new byte[length];
        for (int index = 0; index < bytes.Length; index++) bytes[index] = (byte)_random.Next();
        raw.sqlite3_result_blob(context, bytes);
    }

    /// <summary>SQLite's own function, asked elsewhere with a fixed time in place of "now"; the machine's time zone does not
    /// count.</summary>
    private void Time(sqlite3_context context, string name, sqlite3_value[] values, int firstTime, int lastTime)
    {
        var arguments = new List<object?>();
        for (int index = 0; index < values.Length; index++)
        {
            object? value = Value(values[index]);
            if (index >= firstTime && value is string text)
            {
                bool isTime = index <= lastTime;
                text = text.Trim();
                if (isTime && text.Equals("now", StringComparison.OrdinalIgnoreCase)) value = _now;
                else if (isTime && text.StartsWith("subsec", StringComparison.OrdinalIgnoreCase)) arguments.Add(_now);
                else if (!isTime && text.ToUpperInvariant() is "LOCALTIME" or "UTC") continue;
            }

            arguments.Add(value);
        }

        if (values.Length == firstTime) arguments.Add(_now);
        if (arguments.Count > 100)
        {
            raw.sqlite3_result_error(context, $"Too many arguments for {name}");
            return;
        }

        Answer(context, name, arguments);
    }

    private void Answer(sqlite3_context context, string name, List<object?> arguments)
    {
        if (_clock is null)
        {
            _clock = new SqliteConnection("Data Source=:memory:;Pooling=False");
            _clock.Open();
        }

        string sql = $"SELECT {name}({string.Join(", ", arguments.Select((_, index) => "?" + (index + 1)))})";
        if (raw.sqlite3_prepare_v2(_clock.Handle, sql, out var statement) != raw.SQLITE_OK)
        {
            raw.sqlite3_result_error(context, raw.sqlite3_errmsg(_clock.Handle).utf8_to_string());
            return;
        }

        using (statement)
        {
            for (int index = 0; index < arguments.Count; index++) StatementValues.Bind(statement, index + 1, arguments[index]);
            if (raw.sqlite3_step(statement) != raw.SQLITE_ROW)
            {
                raw.sqlite3_result_error(context, raw.sqlite3_errmsg(_clock.Handle).utf8_to_string());
                return;
            }

            switch (StatementValues.Read(statement, 0))
            {
                case string text: raw.sqlite3_result_text(context, text); break;
                case long number: raw.sqlite3_result_int64(context, number); break;
                case double number: raw.sqlite3_result_double(context, number); break;
                default: raw.sqlite3_result_null(context); break;
            }
        }
    }

    private static void Instr(sqlite3_context context, object data, sqlite3_value[] values)
    {
        if (AnyNull(context, values)) return;
        var haystack = raw.sqlite3_value_blob(values[0]);
        var needle = raw.sqlite3_value_blob(values[1]);
        if (IsTooLong(context, needle.Length, haystack.Length)) return;
        int at = haystack.IndexOf(needle);
        bool areBlobs = Array.TrueForAll(values, value => raw.sqlite3_value_type(value) == raw.SQLITE_BLOB);
        raw.sqlite3_result_int64(context, at < 0 ? 0 : areBlobs ? at + 1 : Characters(haystack[..at]) + 1);
    }

    private void Replace(sqlite3_context context, object data, sqlite3_value[] values)
    {
        if (AnyNull(context, values)) return;
        string text = Text(values[0]), old = Text(values[1]), now = Text(values[2]);
        if (IsTooLong(context, old.Length, text.Length)) return;
        if (old.Length > 0)
        {
            if (now.Length > old.Length && (long)text.Length / old.Length * now.Length > limits.MaxValueBytes
                && Occurrences(text, old) * (long)(now.Length - old.Length) + text.Length > limits.MaxValueBytes)
            {
                raw.sqlite3_result_error_toobig(context);
                return;
            }

            text = text.Replace(old, now, StringComparison.Ordinal);
        }

        raw.sqlite3_result_text(context, text);
    }

    private static void Trim(sqlite3_context context, sqlite3_value[] values, bool start, bool end)
    {
        if (AnyNull(context, values)) return;
        string text = Text(values[0]);
        var set = Text(values[1]).EnumerateRunes().ToHashSet();
        var rest = text.AsSpan();
        while (start && rest.Length > 0 && Rune.DecodeFromUtf16(rest, out var rune, out int used) == 0 && set.Contains(rune))
            rest = rest[used..];
        while (end && rest.Length > 0 && Rune.DecodeLastFromUtf16(rest, out var rune, out int used) == 0 && set.Contains(rune))
            rest = rest[..^used];
        raw.sqlite3_result_text(context, rest.ToString());
    }

    private static bool AnyNull(sqlite3_context context, sqlite3_value[] values)
    {
        if (!Array.Exists(values, value => raw.sqlite3_value_type(value) == raw.SQLITE_NULL)) return false;
        raw.sqlite3_result_null(context);
        return true;
    }

    private static bool IsTooLong(sqlite3_context context, int needle, int haystack)
    {
        if (needle <= MaxNeedle || needle > haystack) return false;
        raw.sqlite3_result_error(context, $"A text of more than {MaxNeedle} bytes is not looked for");
        return true;
    }

    private static int Occurrences(string text, string part)
    {
        int count = 0;
        for (int at = 0; (at = text.IndexOf(part, at, StringComparison.Ordinal)) >= 0; at += part.Length) count++;
        return count;
    }

    private static int Characters(ReadOnlySpan<byte> utf8)
    {
        int count = 0;
        foreach (byte b in utf8) count += (b & 0xC0) != 0x80 ? 1 : 0;
        return count;
    }

    private static string Text(sqlite3_value value) => Encoding.UTF8.GetString(raw.sqlite3_value_blob(value));

    private static object? Value(sqlite3_value value) => raw.sqlite3_value_type(value) switch
    {
        raw.SQLITE_INTEGER => raw.sqlite3_value_int64(value),
        raw.SQLITE_FLOAT => raw.sqlite3_value_double(value),
        raw.SQLITE_TEXT => Text(value),
        raw.SQLITE_BLOB => raw.sqlite3_value_blob(value).ToArray(),
        _ => null,
    };
}
