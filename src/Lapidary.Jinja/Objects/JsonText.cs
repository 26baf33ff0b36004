using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;
using Lapidary.Formats.Files;

namespace Lapidary.Jinja.Objects;

/// <summary>The tojson filter as Hugging Face defines it: json.dumps(value, ensure_ascii=…, indent=…, separators=…, sort_keys=…), with
/// ensure_ascii false by default.</summary>
internal sealed class JsonText
{
    private readonly StringBuilder _output = new();
    private readonly Budget _budget;
    private readonly string? _indent;
    private readonly string _itemSeparator;
    private readonly string _keySeparator;
    private readonly bool _sortKeys;
    private readonly bool _ensureAscii;

    private JsonText(CallArguments call, Budget budget)
    {
        _budget = budget;
        call.Expect("ensure_ascii", "indent", "separators", "sort_keys");
        _ensureAscii = Values.IsTrue(call.Get(0, "ensure_ascii", false));
        var indent = call.Get(1, "indent", null);
        _indent = indent is null ? null : indent as string ?? new string(' ', (int)Math.Clamp(call.Integer(1, "indent", 0), 0, 1000));
        var separators = call.Get(2, "separators", null) as List<object?>;
        if (separators is not (null or [string, string])) throw call.Error("needs two separators");
        _itemSeparator = separators?[0] as string ?? (_indent is null ? ", " : ",");
        _keySeparator = separators?[1] as string ?? ": ";
        _sortKeys = Values.IsTrue(call.Get(3, "sort_keys", false));
    }

    public static string Write(object? value, CallArguments call, Budget budget)
    {
        var writer = new JsonText(call, budget);
        writer.Append(value, 0);
        return writer._output.ToString();
    }

    private void Append(object? value, int depth)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        _budget.Charge(Budget.Node);
        Budget.CheckLength(_output.Length);
        switch (value)
        {
            case null: _output.Append("null"); break;
            case bool flag: _output.Append(flag ? "true" : "false"); break;
            case long integer: _output.Append(integer); break;
            case BigInteger integer: Values.AppendBig(_output, integer, _budget); break;
            case double number: _output.Append(Number(number)); break;
            case string text: AppendString(text); break;
            case List<object?> list: AppendAll('[', list, item => Append(item, depth + 1), ']', depth); break;
            case Dictionary<string, object?> dict:
                if (_sortKeys) _budget.Sort(dict.Count, dict.Keys.Sum(key => (long)key.Length));
                IEnumerable<KeyValuePair<string, object?>> pairs =
                    _sortKeys ? dict.OrderBy(pair => pair.Key, StringComparer.Ordinal) : dict;
                AppendAll('{', pairs, pair =>
                {
                    AppendString(pair.Key);
                    AppendSeparator(_keySeparator);
                    Append(pair.Value, depth + 1);
                }, '}', depth);
                break;
            default: throw new JinjaException($"tojson cannot write {Values.TypeName(value)}");
        }
    }

    /// <summary>json.dumps has special words for values that JSON cannot express.</summary>
    private static string Number(double number) => double.IsFinite(number) ? PythonFloat.Repr(number)
        : double.IsNaN(number) ? "NaN"
        : number > 0 ? "Infinity" : "-Infinity";

    private void AppendAll<T>(char open, IEnumerable<T> items, Action<T> append, char close, int depth)
    {
        _output.Append(open);
        bool any = false;
        foreach (var item in items)
        {
            if (any) AppendSeparator(_itemSeparator);
            any = true;
            NewLine(depth + 1);
            append(item);
        }

        if (any) NewLine(depth);
        _output.Append(close);
    }

    private void NewLine(int depth)
    {
        if (_indent is null) return;
        _budget.MakeText((long)depth * _indent.Length);
        Budget.CheckLength(_output.Length + ((long)depth * _indent.Length));
        _output.Append('\n');
        for (int i = 0; i < depth; i++) _output.Append(_indent);
    }

    private void AppendSeparator(string separator)
    {
        _budget.MakeText(separator.Length);
        Budget.CheckLength((long)_output.Length + separator.Length);
        _output.Append(separator);
    }

    private void AppendString(string text)
    {
        _budget.MakeText(text.Length);
        int start = _output.Length;
        _output.Append('"');
        foreach (char c in text)
        {
            switch (c)
            {
                case '"' or '\\': _output.Append('\\').Append(c); break;
                case '\n': _output.Append("\\n"); break;
                case '\r': _output.Append("\\r"); break;
                case '\t': _output.Append("\\t"); break;
                case '\b': _output.Append("\\b"); break;
                case '\f': _output.Append("\\f"); break;
                case < ' ':
                case > '~' when _ensureAscii: _output.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"); break;
                default: _output.Append(c); break;
            }
        }

        _output.Append('"');
        _budget.MakeText(Math.Max(0, _output.Length - start - text.Length)); // escapes are longer than what they stand for
    }
}
