using System.Text;
using Lapidary.Cli.Screens;

namespace Lapidary.Cli.Tests.Screens;

/// <summary>A line that is typed: the text that comes of it, and the screen meanwhile.</summary>
public sealed class LineEditorTests
{
    private const string Up = "<Up>", Down = "<Down>", Left = "<Left>", Right = "<Right>", Home = "<Home>", End = "<End>";
    private const string Delete = "<Delete>", Back = "<Backspace>", Enter = "<Enter>";

    [Theory]
    [InlineData("abc", "abc")]
    [InlineData("abc<Left><Backspace>", "ac")]
    [InlineData("abc<Home>X<End>Y", "XabcY")]
    [InlineData("abc<Home><Delete><Right>X", "bXc")]
    [InlineData("one two<Ctrl-W>three", "one three")]
    [InlineData("one two<Left><Left><Ctrl-U>", "wo")]
    [InlineData("one two<Left><Left><Ctrl-K>", "one t")]
    [InlineData("bc<Ctrl-A>a<Ctrl-E>d", "abcd")]
    [InlineData("ab<Ctrl-B>x<Ctrl-F>y", "axby")]
    [InlineData("one two<Alt-B>X<Alt-F>Y", "one XtwoY")]
    [InlineData("ab<Home><Ctrl-D>", "b")]
    [InlineData("a<Alt-Enter>b", "a\nb")]
    [InlineData("e\u0301x<Left><Backspace>", "x")]
    [InlineData("\U0001F600x<Left><Backspace>y", "yx")]
    [InlineData("日本<Left><Left><Delete>", "本")]
    [InlineData("<Left><Backspace><Delete><Right><Up><Down><Ctrl-K><Ctrl-W>a", "a")]
    [InlineData("a<Escape>b", "ab")]
    [InlineData("a<Escape>[25~b", "ab")]
    public void Keys_EditTheText(string typed, string expected) => Assert.Equal([expected], new Typing(40).Lines(typed + Enter));

    [Fact]
    public void PastedText_KeepsItsLines_AndTheLinesBehindAreNotSent()
    {
        const string Keys = "x <Escape>[200~one\r\ntwo\tb\r\u0001three<Escape>[201~!<Enter>next<Enter>";
        Assert.Equal(["x one\ntwo\tb\nthree!", "next"], new Typing(40).Lines(Keys));
    }

    [Fact]
    public void History_BringsBackWhatWasTyped_AndKeepsWhatIsBegun()
    {
        var typing = new Typing(40);
        Assert.Equal(
            ["one", "two", "two", "one!", "begun", "one!"],
            typing.Lines("one<Enter>two<Enter><Up><Enter><Up><Up>!<Enter>begun<Up><Up><Down><Down><Down><Enter><Up><Up><Enter>"));
        Assert.Equal(["> one", "> two", "> two", "> one!", "> begun", "> one!", ""], typing.Screen.Rows);
    }

    [Fact]
    public void CtrlD_EndsTheInput_OnlyOnAnEmptyLine()
    {
        Assert.Equal(["a", null], new Typing(40).Lines("a<Ctrl-D><Enter><Ctrl-D>"));
        Assert.Equal([null], new Typing(40).Lines("<Gone>")); // a terminal that is gone
    }

    [Theory]
    [InlineData(20)]
    [InlineData(33)]
    [InlineData(80)]
    public void ALongText_WrapsAndIsDrawnOnce_WhereverItIsEdited(int columns)
    {
        var typing = new Typing(columns);
        string words = string.Join(' ', Enumerable.Range(1, 30)), wide = "日本語のテキスト";
        string text = $"{words} {wide}";
        string?[] lines = typing.Lines($"{text}{Home}A{Right}{Right}{Back}{End}Z{Left}{Left}{Delete}{Enter}next{Enter}");
        string expected = $"A1{text[2..]}"[..^1] + "Z";
        Assert.Equal([expected, "next"], lines);
        string Dense(string shown) => shown.Replace(" ", "", StringComparison.Ordinal); // rows have no blanks at their ends
        Assert.Equal(Dense($"> {expected}"), Dense(string.Concat(typing.Screen.Rows.SkipLast(2))));
        Assert.All(typing.Screen.Rows, row => Assert.True(LineLayout.Width(row) < columns, row));
        Assert.Equal("> next", typing.Screen.Rows[^2]);
    }

    [Fact]
    public void ATextThatIsTallerThanTheScreen_StaysOnIt_AndIsWholeAtTheEnd()
    {
        var typing = new Typing(20, rows: 5);
        string text = string.Join('\n', Enumerable.Range(1, 12).Select(i => $"line {i}"));
        Assert.Equal([text], typing.Lines($"<Escape>[200~{text}<Escape>[201~{Home}{End}{Enter}"));
        Assert.True(typing.MostRows <= 5, $"{typing.MostRows}");
        Assert.Equal(text.Replace("\n", "\n  ", StringComparison.Ordinal), string.Join('\n', typing.Screen.Rows.SkipLast(1))[2..]);
    }

    [Fact]
    public void AnInterruption_DropsTheText_AndAsksAgain()
    {
        var typing = new Typing(40);
        Assert.Equal(["new"], typing.Lines($"old<Interrupt>new{Enter}"));
        Assert.Equal(["> old", "Press it again.", "> new", ""], typing.Screen.Rows);
        Assert.EndsWith("\e[?2004l\r\n", typing.Raw, StringComparison.Ordinal);
    }

    [Fact]
    public void ANarrowerScreen_IsDrawnAnew()
    {
        var rows = TypedRows.Of("> ", new string('x', 50), 50, 39);
        Assert.Equal((2, 1, 13), (rows.Rows.Count, rows.CursorRow, rows.CursorColumn));
        Assert.Equal(1, rows.RowsAbove(40));
        Assert.Equal(2, rows.RowsAbove(20));
        Assert.Equal(4 + 1, rows.RowsAbove(10));
    }

    /// <summary>Somebody who types on a screen.</summary>
    private sealed class Typing : IKeys
    {
        private readonly Queue<Action<Queue<ConsoleKeyInfo>>> _script = new();
        private readonly Queue<ConsoleKeyInfo> _keys = new();
        private readonly StringBuilder _output = new();
        private readonly LineEditor _editor;
        private readonly int _columns;

        public Typing(int columns, int rows = 24)
        {
            _columns = columns;
            var screen = new Screen(() => columns, hasCodes: true, hasColour: false, () => rows);
            _editor = new LineEditor(this, new ScreenWriter(new StringWriter(_output) { NewLine = "\r\n" }, screen), screen);
        }

        public string Raw => _output.ToString();

        public int MostRows { get; private set; }

        public TerminalModel Screen
        {
            get
            {
                var model = new TerminalModel(_columns);
                model.Write(Raw);
                return model;
            }
        }

        /// <summary>What is drawn after each key, one after the other, is what a slow typist sees.</summary>
        public bool IsAvailable => _keys.Count > 0;

        /// <summary>The lines that come of keys; names of keys are in angle brackets.</summary>
        public string?[] Lines(string typed)
        {
            for (int at = 0; at < typed.Length;)
            {
                int end = typed[at] == '<' ? typed.IndexOf('>', at) : -1;
                string key = end < 0 ? typed[at].ToString() : typed[at..(end + 1)];
                at += key.Length;
                if (key == "<Escape>" && at < typed.Length && typed[at] == '[') // comes at once, with all up to its last character
                {
                    int last = at + 1;
                    while (typed[last] is < '@' or > '~') last++;
                    string sequence = typed[at..(last + 1)];
                    at = last + 1;
                    _script.Enqueue(keys =>
                    {
                        keys.Enqueue(KeyOf("<Escape>"));
                        foreach (char c in sequence) keys.Enqueue(KeyOf(c.ToString()));
                    });
                }
                else if (key == "<Interrupt>")
                {
                    _script.Enqueue(_ => _editor.Interrupt("Press it again."));
                }
                else
                {
                    _script.Enqueue(keys => keys.Enqueue(KeyOf(key)));
                }
            }

            var lines = new List<string?>();
            do
            {
                lines.Add(_editor.Read("> "));
            }
            while (_script.Count > 0 && lines[^1] is not null);
            return [.. lines];
        }

        public ConsoleKeyInfo Read()
        {
            Measure();
            while (_keys.Count == 0) _script.Dequeue()(_keys);
            var key = _keys.Peek();
            if (key != default) _keys.Dequeue(); // <Gone> stays
            return key;
        }

        private void Measure()
        {
            int last = Raw.LastIndexOf("\e[J", StringComparison.Ordinal);
            if (last >= 0) MostRows = Math.Max(MostRows, Raw[last..].Split('\n').Length);
        }

        private static ConsoleKeyInfo KeyOf(string name) => name switch
        {
            Up => Key(ConsoleKey.UpArrow),
            Down => Key(ConsoleKey.DownArrow),
            Left => Key(ConsoleKey.LeftArrow),
            Right => Key(ConsoleKey.RightArrow),
            Home => Key(ConsoleKey.Home),
            End => Key(ConsoleKey.End),
            Delete => Key(ConsoleKey.Delete),
            Back => Key(ConsoleKey.Backspace, '\b'),
            Enter => Key(ConsoleKey.Enter, '\r'),
            "<Escape>" => Key(ConsoleKey.Escape, '\e'),
            "<Alt-Enter>" => new('\r', ConsoleKey.Enter, shift: false, alt: true, control: false),
            "<Gone>" => default,
            ['<', 'C', 't', 'r', 'l', '-', var letter, '>'] =>
                new((char)(letter - 'A' + 1), ConsoleKey.A + (letter - 'A'), shift: false, alt: false, control: true),
            ['<', 'A', 'l', 't', '-', var letter, '>'] =>
                new(char.ToLowerInvariant(letter), ConsoleKey.A + (letter - 'A'), shift: false, alt: true, control: false),
            [var c] => Key(ConsoleKey.None, c),
            _ => throw new ArgumentException(name),
        };

        private static ConsoleKeyInfo Key(ConsoleKey key, char c = '\0') => new(c, key, shift: false, alt: false, control: false);
    }
}
