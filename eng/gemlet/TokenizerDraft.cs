using System.Text.Encodings.Web;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lapidary.TextToSql;

namespace Gemlet;

/// <summary>Makes tokenizer.json from a corpus: byte-pair encoding with Gemma's special tokens, spaces as ▁, single digits and byte
/// fallback.</summary>
/// <remarks>Merges come in two stages. The first builds words, from letters alone, so that a name has the same pieces wherever it stands:
/// after a space, a dot or a bracket. The second joins punctuation, spaces, keywords of SQL and small words of English: "▁of▁the▁".
/// Names are not joined with anything, and so can be copied piece by piece.</remarks>
internal static partial class TokenizerDraft
{
    private const long LeastCount = 3;

    /// <summary>Each word of the lists counts as if it were once more in so many texts.</summary>
    private const int WordShare = 40;

    /// <summary>Special tokens, blanks and bytes.</summary>
    private const int Fixed = 28 + 256;

    private const char Space = '▁';

    /// <summary>Words that may be joined with their neighbours.</summary>
    private static readonly HashSet<string> Joined = [.. """
        SELECT FROM WHERE AND OR NOT NULL INTEGER INT TEXT VARCHAR REAL FLOAT DECIMAL DATE BOOLEAN PRIMARY KEY REFERENCES FOREIGN CREATE
        TABLE INSERT INTO VALUES GROUP BY ORDER DESC ASC LIMIT OFFSET HAVING COUNT SUM AVG MAX MIN DISTINCT AS JOIN LEFT ON IN IS LIKE
        BETWEEN CASE WHEN THEN ELSE END EXISTS UNION ALL EXCEPT INTERSECT WITH OVER PARTITION RANK ROW NUMBER CAST COALESCE IFNULL UPDATE
        SET DELETE TRUE FALSE ROUND strftime Y m the of and or for each all with their its than that who whose are is have has no a an in
        to by at from on more less most least every which what Which What How many Show List Give Return Find For show together number
        highest lowest average total above below sorted between after before not been do does first without times as it id them there
        Leave out such how but among
        """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)];

    /// <summary>The text around a question of the guide, which is in no document: a tokenizer that knows it makes rows shorter.</summary>
    private static readonly string[] Prompt =
    [
        "Given the <USER_QUERY> and the <SCHEMA>, generate the corresponding SQL command to retrieve the desired data, considering the "
            + "query's syntax, semantics, and schema constraints.",
        "<SCHEMA>", "</SCHEMA>", "<USER_QUERY>", "</USER_QUERY>", "user", "model",
    ];

    /// <summary>Learns from texts and writes tokenizer.json.</summary>
    /// <param name="path">The file.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="size">Number of tokens.</param>
    /// <param name="words">Number of merges of the first stage.</param>
    public static void Write(string path, IReadOnlyList<string> texts, int size, int words)
    {
        var file = BuiltIn();
        List<string> vocabulary = [.. file["model"]!["vocab"]!.AsObject().Select(pair => pair.Key).Take(Fixed)];
        List<(string Left, string Right)> merges = [.. file["model"]!["merges"]!.AsArray()
            .Select(pair => ((string)pair![0]!, (string)pair[1]!)).TakeWhile(pair => IsBlank(pair.Item1) && IsBlank(pair.Item2))];
        var taken = vocabulary.ToHashSet(StringComparer.Ordinal);
        for (char c = '!'; c <= '~'; c++) Add(c.ToString());
        Add(Space.ToString());

        var (first, encode) = Words(texts, words);
        foreach (var (left, right) in first) AddMerge(left, right);
        AddMerge("_", "id");
        var joins = Joins(texts, encode);
        foreach (var (left, right) in joins.Learn(size, LeastCount))
        {
            if (vocabulary.Count >= size) break;
            AddMerge(left, right);
        }

        var ids = vocabulary.Select((piece, id) => KeyValuePair.Create(piece, (JsonNode?)id));
        file["model"]!["vocab"] = new JsonObject(ids);
        file["model"]!["merges"] = new JsonArray([.. merges.Select(pair => (JsonNode)new JsonArray(pair.Left, pair.Right))]);
        File.WriteAllText(path, file.ToJsonString(new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));

        void Add(string piece)
        {
            if (taken.Add(piece)) vocabulary.Add(piece);
        }

        void AddMerge(string left, string right)
        {
            merges.Add((left, right));
            Add(left + right);
        }
    }

    /// <summary>The tokenizer of the random model: its special tokens, bytes and blanks, and all but its pieces, are Gemma's.</summary>
    private static JsonObject BuiltIn()
    {
        using var asset = typeof(TinyGemma).Assembly.GetManifestResourceStream("Assets/tokenizer.json")!;
        return JsonNode.Parse(asset)!.AsObject();
    }

    private static bool IsBlank(string piece) => piece.All(c => c is '\n' or '\t' or Space);

    /// <summary>The merges of words, and the pieces of a word by them.</summary>
    private static (List<(string Left, string Right)> Merges, Func<string, string[]> Encode) Words(IReadOnlyList<string> texts, int count)
    {
        var counts = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (string text in texts.Concat(Prompt.SelectMany(prompt => Enumerable.Repeat(prompt, texts.Count / 2))))
        {
            foreach (Match match in Letters().Matches(text)) counts[match.Value] = counts.GetValueOrDefault(match.Value) + 1;
        }

        foreach (string word in WordLists.All())
        {
            // A word that is rare in these texts may be common in others.
            counts[word] = counts.GetValueOrDefault(word) + (texts.Count / WordShare);
            counts[WordLists.Capital(word)] = counts.GetValueOrDefault(WordLists.Capital(word)) + (texts.Count / WordShare / 4);
        }

        var trainer = new PieceTrainer();
        foreach (var (word, number) in counts.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            trainer.Add(word.Select(c => c.ToString()), number);
        var merges = trainer.Learn(count, LeastCount);
        var ranks = new Dictionary<(string, string), int>();
        for (int i = 0; i < merges.Count; i++) ranks.TryAdd(merges[i], i);
        var known = new Dictionary<string, string[]>(StringComparer.Ordinal);
        return (merges, word =>
        {
            if (!known.TryGetValue(word, out string[]? pieces)) known.Add(word, pieces = Encode(word, ranks));
            return pieces;
        }
        );
    }

    private static string[] Encode(string word, Dictionary<(string, string), int> ranks)
    {
        List<string> pieces = [.. word.Select(c => c.ToString())];
        while (true)
        {
            int best = -1, rank = int.MaxValue;
            for (int i = 0; i + 1 < pieces.Count; i++)
                if (ranks.TryGetValue((pieces[i], pieces[i + 1]), out int found) && found < rank) (best, rank) = (i, found);
            if (best < 0) return [.. pieces];
            pieces[best] += pieces[best + 1];
            pieces.RemoveAt(best + 1);
        }
    }

    /// <summary>What stands between names: runs of punctuation, spaces and small words.</summary>
    private static PieceTrainer Joins(IReadOnlyList<string> texts, Func<string, string[]> encode)
    {
        var counts = new Dictionary<string, long>(StringComparer.Ordinal);
        var forms = new Dictionary<string, string[]>(StringComparer.Ordinal);
        foreach (string text in texts.Concat(Prompt.SelectMany(prompt => Enumerable.Repeat(prompt, texts.Count / 2))))
        {
            bool isPrompt = ReferenceEquals(text, Prompt[0]);
            List<string> run = [];
            char before = ' ';
            foreach (Match match in Units().Matches(text))
            {
                string[] pieces = char.IsAsciiLetter(match.Value[0]) ? encode(match.Value)
                    : [match.Value == " " ? Space.ToString() : match.Value];
                char c = match.Value[0];
                bool isJoined = char.IsAsciiLetter(c) ? isPrompt || (pieces.Length == 1 && before != '_' && Joined.Contains(match.Value))
                    : Prompt.Contains(text) || !(char.IsAsciiDigit(c) || c is '_' or '\n');
                if (isJoined && c != '\n') run.AddRange(pieces);
                else Flush(run);
                before = c;
            }

            Flush(run);
        }

        var trainer = new PieceTrainer();
        foreach (var (key, number) in counts.OrderBy(pair => pair.Key, StringComparer.Ordinal)) trainer.Add(forms[key], number);
        return trainer;

        void Flush(List<string> run)
        {
            if (run.Count > 1)
            {
                string key = string.Join('\0', run);
                counts[key] = counts.GetValueOrDefault(key) + 1;
                forms.TryAdd(key, [.. run]);
            }

            run.Clear();
        }
    }

    /// <summary>A word of letters: "bridge", "Bridge", "SELECT".</summary>
    [GeneratedRegex("[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[A-Z]")]
    private static partial Regex Letters();

    /// <summary>Words of letters, and single other characters.</summary>
    [GeneratedRegex("[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[A-Z]|.|\n")]
    private static partial Regex Units();
}
