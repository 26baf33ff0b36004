// Trains the small tokenizer of src/Lapidary.TextToSql/Assets, which tests use too: Gemma's kind (byte-pair encoding with byte
// fallback, ▁ for the space, the same normalizer, decoder and post-processor) with 1,024 pieces, from text made here. Run in this folder:
// dotnet run make_small_tokenizer.cs

using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

const int Size = 1024;
const char Space = '▁';
string[] special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>"];
string[] added = [.. special, .. Runs('\n', 1, 8), .. Runs(Space, 2, 8), .. Runs('\t', 1, 4)];
var vocabulary = new List<string>(added);
for (int value = 0; value < 256; value++) vocabulary.Add($"<0x{value:X2}>");
vocabulary.Add(Space.ToString());
for (char c = '!'; c <= '~'; c++) vocabulary.Add(c.ToString());
foreach (char c in "äöüßéèñçàáíóú£€°–—‘’“”…") vocabulary.Add(c.ToString());

// Pieces in the order they are learned; the last ones are fixed, so that one piece crosses a word's end, as one of Gemma's does.
string[] crossing = ["</", $"{Space}</", $">{Space}</"];
var learned = Learn(Words(MakeText(12_000)), Size - vocabulary.Count);
vocabulary.AddRange(learned.Except(crossing).Take(Size - vocabulary.Count - crossing.Length));
vocabulary.AddRange(crossing);
var ids = vocabulary.Select((piece, id) => (piece, id)).ToDictionary(pair => pair.piece, pair => pair.id);

// As in Gemma's file, every split of every piece is a merge.
var merges = new List<(string, string)>();
foreach (string piece in added[special.Length..].Concat(vocabulary.Skip(added.Length + 256)))
{
    for (int at = piece.Length - 1; at > 0; at--)
    {
        if (ids.ContainsKey(piece[..at]) && ids.ContainsKey(piece[at..])) merges.Add((piece[..at], piece[at..]));
    }
}

string folder = Path.Combine("..", "..", "..", "src", "Lapidary.TextToSql", "Assets");
Directory.CreateDirectory(folder);
Write("tokenizer.json", WriteTokenizer);
Write("tokenizer_config.json", WriteConfig);
Console.WriteLine($"{vocabulary.Count} pieces, {merges.Count} merges, longest {vocabulary.MaxBy(piece => piece.Length)}");

void WriteTokenizer(Utf8JsonWriter json)
{
    json.WriteString("version", "1.0");
    json.WriteNull("truncation");
    json.WriteNull("padding");
    json.WriteStartArray("added_tokens");
    for (int id = 0; id < added.Length; id++)
    {
        bool isSpecial = id < special.Length && added[id] != "<mask>";
        json.WriteRawValue($$"""{"id":{{id}},"content":{{Quote(added[id])}},"single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":{{(isSpecial ? "true" : "false")}}}""");
    }

    json.WriteEndArray();
    json.WritePropertyName("normalizer");
    json.WriteRawValue("""{"type":"Replace","pattern":{"String":" "},"content":"▁"}""");
    json.WritePropertyName("pre_tokenizer");
    json.WriteRawValue("""{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false}""");
    json.WritePropertyName("post_processor");
    json.WriteRawValue("""{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<bos>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"SpecialToken":{"id":"<bos>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"<bos>","type_id":1}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"<bos>":{"id":"<bos>","ids":[2],"tokens":["<bos>"]}}}""");
    json.WritePropertyName("decoder");
    json.WriteRawValue("""{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"}]}""");
    json.WriteStartObject("model");
    json.WriteString("type", "BPE");
    json.WriteNull("dropout");
    json.WriteString("unk_token", "<unk>");
    json.WriteNull("continuing_subword_prefix");
    json.WriteNull("end_of_word_suffix");
    json.WriteBoolean("fuse_unk", true);
    json.WriteBoolean("byte_fallback", true);
    json.WriteBoolean("ignore_merges", false);
    json.WriteStartObject("vocab");
    for (int id = 0; id < vocabulary.Count; id++) json.WriteNumber(vocabulary[id], id);
    json.WriteEndObject();
    json.WriteStartArray("merges");
    foreach (var (left, right) in merges) json.WriteRawValue($"[{Quote(left)},{Quote(right)}]");
    json.WriteEndArray();
    json.WriteEndObject();
}

void WriteConfig(Utf8JsonWriter json)
{
    json.WriteBoolean("add_bos_token", true);
    json.WriteBoolean("add_eos_token", false);
    json.WriteString("bos_token", "<bos>");
    json.WriteString("chat_template", File.ReadAllText("small_chat_template.jinja").TrimEnd());
    json.WriteString("eos_token", "<eos>");
    json.WriteString("pad_token", "<pad>");
    json.WriteString("tokenizer_class", "GemmaTokenizer");
    json.WriteString("unk_token", "<unk>");
}

void Write(string name, Action<Utf8JsonWriter> content)
{
    using var file = File.Create(Path.Combine(folder, name));
    using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    json.WriteStartObject();
    content(json);
    json.WriteEndObject();
}

static string Quote(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

static IEnumerable<string> Runs(char c, int from, int to) => Enumerable.Range(from, to - from + 1).Select(length => new string(c, length));

// Words with their counts: cut before each space, and at newlines, which are added tokens.
static Dictionary<string, int> Words(string text)
{
    var words = new Dictionary<string, int>();
    foreach (string line in text.Split('\n'))
    {
        foreach (string word in line.Replace(" ", "\n▁").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            words[word] = words.GetValueOrDefault(word) + 1;
        }
    }

    return words;
}

// Byte-pair training, plainly: join the commonest pair, the first in text order among equals, until enough pieces are there.
static List<string> Learn(Dictionary<string, int> words, int count)
{
    var parts = words.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (Symbols: pair.Key.Select(c => c.ToString()).ToList(), pair.Value)).ToList();
    var learned = new List<string>();
    while (learned.Count < count)
    {
        var pairs = new Dictionary<(string, string), int>();
        foreach (var (symbols, times) in parts)
        {
            for (int i = 0; i + 1 < symbols.Count; i++) pairs[(symbols[i], symbols[i + 1])] = pairs.GetValueOrDefault((symbols[i], symbols[i + 1])) + times;
        }

        var (left, right) = pairs.OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key.Item1 + " " + pair.Key.Item2, StringComparer.Ordinal).First().Key;
        if (!learned.Contains(left + right)) learned.Add(left + right);
        foreach (var (symbols, _) in parts)
        {
            for (int i = 0; i + 1 < symbols.Count; i++)
            {
                if (symbols[i] != left || symbols[i + 1] != right) continue;
                symbols[i] += right;
                symbols.RemoveAt(i + 1);
            }
        }
    }

    return learned;
}

// Questions about small databases, their tables and the answering queries.
static string MakeText(int rows)
{
    string[] tables = ["customers", "orders", "products", "employees", "departments", "students", "courses", "teachers", "books", "authors", "cities", "countries", "flights", "airports", "singers", "concerts", "players", "teams", "matches", "cars", "stores", "sales", "invoices", "movies", "actors"];
    string[] columns = ["id", "name", "age", "city", "country", "price", "amount", "year", "date", "email", "phone", "title", "salary", "rating", "quantity", "status", "type", "capacity", "weight", "height", "score", "population", "first_name", "last_name", "department_id", "customer_id", "product_id", "created_at"];
    string[] types = ["INTEGER", "TEXT", "REAL", "NUMERIC", "VARCHAR(50)", "DATE", "BOOLEAN"];
    string[] values = ["Paris", "London", "Berlin", "Smith", "Jones", "active", "closed", "red", "blue", "Monday", "summer", "winter"];
    string[] plain = ["The query below answers the question about the schema.", "Given the following tables, write one SQL statement.", "You are a text to SQL query translator. Users will ask you questions in English and you will generate a SQL query based on the provided schema.", "There is more than one way to write this, but the shortest is best.", "Please explain why the result has no rows when the table is empty.", "I would like to know which of them are not in the other list.", "It depends on what you want to count: people, places or things."];
    var random = new Random(20250101);
    var text = new StringBuilder();
    for (int row = 0; row < rows; row++)
    {
        string t = Pick(tables), u = Pick(tables), a = Pick(columns), b = Pick(columns), c = Pick(columns), v = Pick(values);
        int n = random.Next(1, 2030);
        text.Append(random.Next(17) switch
        {
            0 => $"How many {t} are there? SELECT COUNT(*) FROM {t};",
            1 => $"What is the {a} of the {t} with the highest {b}? SELECT {a} FROM {t} ORDER BY {b} DESC LIMIT 1;",
            2 => $"List the {a} and {b} of all {t} from {v}. SELECT {a}, {b} FROM {t} WHERE {c} = '{v}';",
            3 => $"Which {t} have a {a} greater than {n}? SELECT * FROM {t} WHERE {a} > {n};",
            4 => $"Find the average {a} for each {b} of {t}. SELECT {b}, AVG({a}) FROM {t} GROUP BY {b};",
            5 => $"Show the {a} of {t} without {u}. SELECT {a} FROM {t} WHERE id NOT IN (SELECT {c} FROM {u});",
            6 => $"SELECT T1.{a}, T2.{b} FROM {t} AS T1 JOIN {u} AS T2 ON T1.id = T2.{c} WHERE T2.{b} LIKE '%{v}%'",
            7 => $"CREATE TABLE {t} (\n  id INTEGER PRIMARY KEY,\n  {a} {Pick(types)},\n  {b} {Pick(types)} NOT NULL,\n  {c} {Pick(types)} REFERENCES {u}(id)\n);",
            8 => $"SELECT DISTINCT {a} FROM {t} WHERE {b} BETWEEN {n} AND {n + 10} ORDER BY {a} ASC",
            9 => $"SELECT {a}, COUNT(*) FROM {t} GROUP BY {a} HAVING COUNT(*) >= {n % 9}",
            10 => $"Return the total {a} and the minimum {b} of {t} in {n}. SELECT SUM({a}), MIN({b}) FROM {t} WHERE year = {n};",
            11 => $"<SCHEMA>CREATE TABLE {t} ({a} {Pick(types)}, {b} {Pick(types)});</SCHEMA> <USER_QUERY>What are the different {a} of {t}?</USER_QUERY>",
            12 => $"INSERT INTO {t} ({a}, {b}) VALUES ({n}, '{v}');",
            13 => $"What are the names of {t} that do not have any {u}, and what is their {c}?",
            14 => $"SELECT MAX({a}) FROM {t} EXCEPT SELECT {b} FROM {u} UNION SELECT {c} FROM {u}",
            15 => $"UPDATE {t} SET {a} = {n} WHERE {b} IS NULL; DELETE FROM {u} WHERE {c} <> {n};",
            _ => Pick(plain),
        }).Append('\n');
    }

    return text.ToString();

    string Pick(string[] from) => from[random.Next(from.Length)];
}
