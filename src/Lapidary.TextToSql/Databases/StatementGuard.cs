using System.Collections.Frozen;
using SQLitePCL;

namespace Lapidary.TextToSql.Databases;

/// <summary>Decides while SQLite compiles a statement what it may do: a list of what is allowed, all else is refused.</summary>
/// <remarks>SQLite asks for each table, column and function that a statement names, also inside of views and triggers.</remarks>
internal sealed class StatementGuard
{
    /// <summary>Why a statement that writes is refused.</summary>
    public const string OnlyQueries = "Only a query is allowed, as the reference is one";

    private const string TemporaryObject = "A temporary table, view, index or trigger";

    private const string TemporaryObjects = TemporaryObject + " is not allowed";

    /// <summary>Tables of SQLite's own that tell of the database alone; its defensive mode holds against writing them.</summary>
    private static readonly FrozenSet<string> OwnTables = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema", "sqlite_sequence", "json_each", "json_tree");

    private HashSet<string> _tables = new(StringComparer.OrdinalIgnoreCase);
    private HashSet<string> _virtuals = new(StringComparer.OrdinalIgnoreCase);
    private FrozenSet<string> _modules = [];
    private bool _isAltering;

    /// <summary>What is allowed at the moment.</summary>
    public GuardMode Mode { get; set; }

    /// <summary>What was refused first since <see cref="Begin"/>, in words; null where nothing was.</summary>
    public string? Refusal { get; private set; }

    /// <summary>Whether something was refused since <see cref="Begin"/> that no query does.</summary>
    public bool WantsToWrite { get; private set; }

    /// <summary>Whether tables were created, altered or dropped since <see cref="Begin"/>.</summary>
    public bool ChangedSchema { get; private set; }

    /// <summary>Whether LIKE or GLOB was in any statement, view or trigger so far.</summary>
    public bool MatchesPatterns { get; private set; }

    /// <summary>Tables that were read since <see cref="Begin"/>; views are followed.</summary>
    public HashSet<string> TablesRead { get; private set; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>A statement comes.</summary>
    public void Begin()
    {
        Refusal = null;
        WantsToWrite = false;
        ChangedSchema = false;
        _isAltering = false;
        TablesRead = new(StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>Sets which tables and views there are, and which of them are virtual: code of a module reads those.</summary>
    public void SetTables(IEnumerable<string> names, IEnumerable<string> virtuals) => (_tables, _virtuals) =
        (new(names, StringComparer.OrdinalIgnoreCase), new(virtuals, StringComparer.OrdinalIgnoreCase));

    /// <summary>Sets which kinds of virtual tables SQLite has: some tell of files and settings, and have a table of their own
    /// name.</summary>
    public void SetModules(FrozenSet<string> names) => _modules = names;

    /// <summary>SQLite's callback; it must not throw.</summary>
    public int Authorize(object userData, int action, utf8z first, utf8z second, utf8z database, utf8z inner)
    {
        if (Mode == GuardMode.Open) return raw.SQLITE_OK;
        string? refusal = Refused(action, first, second, database);
        if (refusal is null) return raw.SQLITE_OK;
        Refusal ??= refusal;
        return raw.SQLITE_DENY;
    }

    /// <summary>Why a virtual table is not read.</summary>
    /// <param name="name">Its name; null where it is not known.</param>
    public static string VirtualTable(string? name) => (name is null ? "It reads a virtual table" : $"{name} is a virtual table")
        + ", made by a module such as fts5 or rtree, and those are not read here; ask the ordinary tables";

    private string? Refused(int action, utf8z first, utf8z second, utf8z database)
    {
        switch (action)
        {
            case raw.SQLITE_SELECT or raw.SQLITE_RECURSIVE:
                return null;
            case raw.SQLITE_READ:
                return Read(first.utf8_to_string() ?? "");
            case raw.SQLITE_FUNCTION:
                string function = second.utf8_to_string() ?? "";
                MatchesPatterns |= function.ToLowerInvariant() is "like" or "glob";
                return AllowedFunctions.Contains(function) || (Mode != GuardMode.Read && AllowedFunctions.IsInternal(function))
                    ? null : $"The function {function} is not allowed";
        }

        if (Mode == GuardMode.Read)
        {
            WantsToWrite |= Refusal is null;
            return OnlyQueries;
        }

        // ALTER TABLE looks itself whether temporary objects name the table.
        if (!_isAltering && database.utf8_to_string() is "temp") return TemporaryObjects;
        switch (action)
        {
            case raw.SQLITE_ALTER_TABLE:
                ChangedSchema = _isAltering = true;
                return null;
            case raw.SQLITE_CREATE_TABLE or raw.SQLITE_CREATE_VIEW or raw.SQLITE_DROP_TABLE or raw.SQLITE_DROP_VIEW
                or raw.SQLITE_CREATE_INDEX or raw.SQLITE_DROP_INDEX or raw.SQLITE_CREATE_TRIGGER or raw.SQLITE_DROP_TRIGGER:
                ChangedSchema = true;
                return null;
            case raw.SQLITE_INSERT or raw.SQLITE_UPDATE or raw.SQLITE_DELETE or raw.SQLITE_REINDEX:
                return null;
            case raw.SQLITE_TRANSACTION or raw.SQLITE_SAVEPOINT when Mode == GuardMode.Build:
                return null;
            case raw.SQLITE_PRAGMA:
                string pragma = first.utf8_to_string() ?? "";
                bool isAllowed = Mode == GuardMode.Build && pragma.Equals("foreign_keys", StringComparison.OrdinalIgnoreCase);
                return isAllowed || (_isAltering && pragma == "quick_check") ? null : $"PRAGMA {pragma} is not allowed";
            default:
                return $"{Word(action)} is not allowed";
        }
    }

    private string? Read(string table)
    {
        if (_virtuals.Contains(table)) return VirtualTable(table);

        // Tables of a WITH clause come here too, by names that are not known before.
        bool isAllowed = _tables.Contains(table) || OwnTables.Contains(table) || (_isAltering && table == "pragma_quick_check")
            || !(_modules.Contains(table) || IsOwnName(table, "sqlite_") || IsOwnName(table, "pragma_"));
        if (!isAllowed) return $"Reading {table} is not allowed";
        TablesRead.Add(table);
        return null;

        static bool IsOwnName(string table, string prefix) => table.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);
    }

    private static string Word(int action) => action switch
    {
        raw.SQLITE_ATTACH => "ATTACH or VACUUM INTO",
        raw.SQLITE_DETACH => "DETACH",
        raw.SQLITE_TRANSACTION or raw.SQLITE_SAVEPOINT => "A transaction",
        raw.SQLITE_ANALYZE => "ANALYZE",
        raw.SQLITE_CREATE_VTABLE => "A virtual table",
        raw.SQLITE_CREATE_TEMP_TABLE or raw.SQLITE_CREATE_TEMP_VIEW or raw.SQLITE_CREATE_TEMP_INDEX
            or raw.SQLITE_CREATE_TEMP_TRIGGER => TemporaryObject,
        _ => $"What SQLite calls action {action}",
    };
}
