// The body of an MSBuild task (Directory.Build.targets): leaves the members in a documentation file that the list of the public surface
// names. Names are compared without parameters, so that "Lapidary.Gemma.Adapter.Load(...)" of the list is
// "M:Lapidary.Gemma.Adapter.Load(...)" of the file, and a constructor is the type's name twice.

string Plain(string name) => Regex.Replace(name, @"<[^<>()]*(<[^<>]*>[^<>]*)*>|`+\d+", "");

var names = new HashSet<string>(File.ReadLines(PublicApi)
    .Where(line => line.Length > 0 && line[0] != '#')
    .Select(line => Regex.Replace(line, @"^(?:~|const |static |abstract |virtual |override |readonly )+", ""))
    .Select(line => Plain(Regex.Match(line, @"^[^(\[ ]+").Value))
    .Select(name => Regex.Replace(name, @"\.(get|set|init|add|remove)$", "")));

var text = XDocument.Load(Documentation, LoadOptions.PreserveWhitespace);
foreach (var member in text.Root.Element("members").Elements("member").ToList())
{
    string id = (string)member.Attribute("name");
    string name = Plain(id.Substring(2));
    int parameters = name.IndexOf('(');
    if (parameters >= 0) name = name.Substring(0, parameters);
    string type = name.Substring(0, System.Math.Max(0, name.LastIndexOf('.')));
    if (name.EndsWith(".#ctor")) name = type + type.Substring(type.LastIndexOf('.'));
    bool isOperator = name.Contains(".op_") && names.Contains(type);
    bool isIndexer = name.EndsWith(".Item") && names.Contains(type + ".this");
    if (names.Contains(name) || isOperator || isIndexer) continue;
    if (member.PreviousNode is XText space) space.Remove();
    member.Remove();
}

text.Save(Documentation, SaveOptions.DisableFormatting);
