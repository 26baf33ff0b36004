"""Expected output of small templates by Python's Jinja2 3.1.6, in the environment that transformers uses for chat templates.
Run in this folder: python3 make_jinja_cases.py"""
import json
import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

VARIABLES = {
    "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True, "tools": None,
    "messages": [
        {"role": "system", "content": " Be brief.\n"}, {"role": "user", "content": "Hi 🙂 'there'"},
        {"role": "assistant", "content": "Hello\u00a0\u001c"}, {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image"}]},
    ],
    "n": 7, "f": 2.5, "word": "naïve 🙂 test", "empty": [], "nothing": None, "yes": True,
    "d": {"b": 1, "a": [1, 2.0, None, True, "q\"'\n\t\u0001é"], "c": {"k": "v"}}, "numbers": [3, 1, 2],
}

EXPRESSIONS = r"""
1 + 2 * 3 ** 2|7 // 2|-7 // 2|-7 % 3|7 % -3|7 / 2|8 / 2|2 ** 10|1.5 + 1|0.1 + 0.2|1e3|10 ** 15 * 10.0|100000.0 * 100000000000.0|0.00001 * 1|-n|+n|not n|- 2 ** 2
1 < 2 < 3|1 < 3 < 2|"a" < "b"|n == 7.0|yes == 1|[1, [2]] == [1, [2]]|{"a": 1} == {"a": 1.0}|"a" != "b"|none == none|missing == missing2
"a" in "cat"|"b" not in d|2 in numbers|"x" in missing|"role" in messages[0]|"a" in ["a"]|not "a" in "b"
"a" ~ 1 ~ none ~ true ~ 1.0|"a" + "b" * 3|3 * "ab"|[1] + [2]|[1, 2, "it's"]|["it's \"x\""]|d|{"a": none}|[]|{}|()|1,2|"a" "b"
messages[0].role|messages[0]["role"]|messages[-1].content[0].text|messages[1:]|length|messages[1:][0].role|messages[::-1][0].role|word[0]|word[6]|word[-1]|word[1:4]|word[::-1]|word[::2]|word[100:]|numbers[:-1]|numbers[5]|messages[0].nope|d.c.k|d["c"]["k"]|d.a.0|word.nope
"x" if yes|"x" if not yes|"x" if not yes else "y"|1 if 0 else 2 if 0 else 3|missing or "z"|0 and 1|"" or none|1 and 2|not missing|(1 if yes else 2) + 1
messages[0].content|trim|messages[2].content|trim|"  a ".strip()|"xxaxx".strip("x")|" a ".lstrip() ~ "|"|" a ".rstrip() ~ "|"|"a,b,,c".split(",")|" a  b ".split()|"a b c".split(" ", 1)|"a</think>b".split("</think>")[-1]|"a-b".replace("-", "+")|"aaa".replace("a", "b", 2)|"Hello".upper()|"Hello".lower()|"hello world".title()|"hELLO".capitalize()|"hello".startswith("he")|"hello".endswith("lo")|"-".join(["a", "b"])|"hello".find("l")|"hello".startswith(("x", "h"))
word|length|word|upper|word|first|word|last|numbers|first|numbers|last|empty|first|numbers|join|numbers|join(", ")|messages|map(attribute="role")|join(",")|messages|map(attribute="role")|list|numbers|map("string")|list|messages|selectattr("role", "equalto", "user")|list|length|messages|rejectattr("role", "eq", "user")|map(attribute="role")|list|numbers|select("odd")|list|numbers|reject("odd")|list|numbers|reverse|list|"abc"|reverse|"a b"|replace("a", "c")|"x"|default("y")|missing|default("y")|missing|d("y")|""|default("y")|""|default("y", true)|nothing|default("y")|"5"|int + 1|"x"|int|"2.5"|float|5|string + "a"|-3|abs|"a\nb"|indent(2)|"a\nb"|indent(2, true)|"abc"|list|d|list|d|length|d|items|list|d|dictsort|first|"hello world"|title|"hELLO"|capitalize|"x"|safe
d|tojson|d|tojson(indent=2)|d.a|tojson(indent=4)|empty|tojson(indent=2)|"<a&'b>"|tojson|none|tojson|{"b": 1, "a": 2}|tojson(sort_keys=true)|[1, 2]|tojson(separators=[",", ":"])|1.0|tojson
n is defined|missing is defined|missing is not defined|missing is undefined|none is none|nothing is none|n is not none|n is number|f is number|f is float|n is integer|yes is integer|yes is boolean|yes is number|"a" is string|n is string|d is mapping|numbers is mapping|numbers is iterable|"a" is iterable|n is iterable|none is iterable|numbers is sequence|d is sequence|n is odd|n is even|n is divisibleby 7|n is divisibleby(2)|yes is true|yes is false|n is eq 7|n is gt 6|n is ge(8)|"a" is in "abc"|"ab" is lower|"AB" is upper|raise_exception is callable|n is string or yes|not n is string
d.items()|list|d.keys()|list|d.values()|list|d.get("b")|d.get("z")|d.get("z", 5)|dict(a=1, b="x")|range(3)|list|range(1, 7, 2)|list|range(3, 0, -1)|list|namespace(a=1).a|"%"|"{{"|'it''s'|"\u00e9\n\x41\t\\"|1_000|"a" is string and "b" in "b"|[1, 2,]|{"a": {"b": 1}}["a"]["b"]|{"a": {}}
nothing.x|missing.x|missing["x"]|missing + 1|nothing + "a"|"a" + 1|none|length|raise_exception("no " ~ n)|missing()|1 / 0|"a" < 1|5[0]|messages[9].role
"""

TEMPLATES = [
    "a\n", "a\n\n", "{{ 1 }}\n", "{{ 1 }}\nb", "{% if yes %}\nx\n{% endif %}\ny", "  {% if yes %}\n  x\n  {% endif %}\ny", "a  {% if yes %}b{% endif %}  c",
    "a \n {%- if yes -%} \n b \n {%- endif -%} \n c", "a\n  {%+ if yes %}\nb{% endif +%}\nc", "x {#- c -#} y", "x\n  {# c #}\ny", "x {# c\n #}\n\ny", "{{- ' a ' -}}  b", "a  {{- 1 -}}  b",
    "{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ m.role }};{% endfor %}",
    "{% for m in messages if m.role == 'user' %}{{ loop.index }}/{{ loop.length }}{% else %}none{% endfor %}", "{% for m in empty %}x{% else %}none{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for c in word %}[{{ c }}]{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for x in missing %}x{% endfor %}.", "{% for i in range(5) %}{% if i == 1 %}{% continue %}{% elif i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in numbers %}{{ loop.previtem is defined }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for i in [1, 2] %}{% for j in [3, 4] %}{{ loop.index }}{{ loop.depth }}{{ i }}{{ j }} {% endfor %}{{ loop.index }}{% endfor %}",
    "{% set x = 1 %}{% for i in numbers %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}", "{% set ns = namespace(x=1, y='a') %}{% for i in numbers %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}{{ ns.y }}",
    "{% if yes %}{% set z = 5 %}{% endif %}{{ z }}", "{% set a, b = 1, 2 %}{{ b }}{{ a }}", "{% set t %}  x{{ n }}\n{% endset %}[{{ t }}]", "{% set x = 'a' if n > 3 else 'b' %}{{ x }}", "{% macro m(a, b='z') %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}",
    "{% macro m(a) %}{{ a }}{{ n }}{% endmacro %}{% set r = m('q') | upper %}{{ r }}", "{% if n > 10 %}a{% elif n > 5 %}b{% else %}c{% endif %}", "{% if missing %}a{% endif %}b", "{% if messages[0]['content'] is not string or not messages %}a{% else %}b{% endif %}",
    "{%- for m in messages %}\n    {%- if m.content is string %}\n        {{- '<|' + m.role + '|>\\n' + m.content | trim + eos_token + '\\n' }}\n    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|assistant|>\\n' }}\n{%- endif %}\n",
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + (message['content'] if message['content'] is string else 'parts') + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "{{ bos_token }}{% for message in messages[1:] %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate') }}{% endif %}{% if message['role'] == 'user' %}{{ ' [INST] ' + message['content'] | string + ' [/INST]' }}{% else %}{{ ' ' + message['content'] + ' ' + eos_token}}{% endif %}{% endfor %}",
    "{% if tools %}{{ tools | tojson }}{% elif tools is none %}no tools{% endif %}", "line1\r\nline2\rline3\n", "{{ {'a': {'b': 1}}}}", "{{ {'a': 1}['a'] }}}}", "{{'}}'}}", "{ {% if yes %}}{% endif %}", "{{ '' }}\n\n{% if yes %}\n\nx{% endif %}\n\n",
    "\t {% set q = 1 %} \n\t {% set q = 2 -%} \n {{ q }}", "{{ numbers | map('string') | map('length') | list }}", "{% for m in messages | selectattr('role', 'in', ['user', 'system']) %}{{ m.role }}{% endfor %}", "{{ messages | map(attribute='nope', default='-') | join }}",
    "{% set ns = namespace(found=false) %}{% for m in messages[::-1] %}{% if not ns.found and m.role == 'user' %}{% set ns.found = true %}{{ loop.index0 }}{% endif %}{% endfor %}", "{{ 'a' if }}", "{% if %}", "{% for x in %}", "{{ (1 }}", "{% endif %}", "{% if yes %}", "{{ 1", "{# x", "{{ 'a }}",
    # line ends: only these three are; numbers, escapes and indices as Python has them
    "a\u0085\u2028\x0b\x0cb\u2029{% if yes %}\r\nx\r{% endif %}\r\ny\r\n", "{{ 'a\u2028b' }}", "x\u2028  {% if yes %}y{% endif %}", "x\r\n  {% if yes %}y{% endif %}\r\n\r\n",
    "{{ 18446744073709551615 }} {{ 12345678901234567890123 }} {{ 12345678901234567890123 * 2 + 1 }} {{ 9223372036854775807 + 1 }} {{ -9223372036854775808 - 1 }}",
    "{{ 2 ** 70 // 3 }} {{ -(2 ** 70) // 3 }} {{ -(2 ** 70) % 7 }} {{ 2 ** 70 == 1180591620717411303424 }} {{ 18446744073709551615 is integer }} {{ 18446744073709551615 is odd }} {{ 2 ** 64 > 1.5 }} {{ 7 < 2 ** 64 }}",
    "{{ [5.0, 0.1, 1e-07, 1e20, 123456789.12345679, -0.0, 1e16, 1e15, 18446744073709551615, true, none] }}", "{{ [5.0, 1e-07, 1e20, -0.0, 18446744073709551615, true, none] | tojson }}",
    "{{ 5.0 }}|{{ 0.1 }}|{{ 1e-07 }}|{{ 1e20 }}|{{ -0.0 }}|{{ true }}|{{ none }}", "{{ ['\\x7f\\xa0\\xad\\u200b\\u2028\\u202e\\ue000\\U0001F642é'] }}", "{{ '\\033[0m\\101\\0' | tojson }}", "{{ 'é🙂' | tojson(ensure_ascii=true) }}",
    "{{ '2.5' | int }} {{ ' 12 ' | int }} {{ 'x' | int(7) }} {{ '123456789012345678901234' | int }} {{ 2.9 | int }}", "{{ word[6] }}{{ word[-1] }}{{ word[2:8] }}{{ word[::-2] }}{{ word[7:2:-1] }}{{ word[-5:] }}",
    "{{ {'z': [1, {'y': 'ü'}], 'a': []} | tojson(indent=2) }}",
]


def split_expressions(text):
    # "|" ends an expression unless it is a filter's: every expression is tried with as many further parts as make it a filter chain.
    filters = ("trim length upper first last join map list select reject selectattr rejectattr reverse replace default d int float string abs indent items dictsort title capitalize safe tojson").split()
    for line in text.strip().splitlines():
        parts = line.split("|")
        current = parts[0]
        for part in parts[1:]:
            name = part.split("(")[0].split(" ")[0]
            if name in filters and not (name == "d" and part.split("(")[0] == "d" and "(" not in part) or current.count('"') % 2 == 1:
                current += "|" + part
            else:
                yield current
                current = part
        yield current


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
cases = []
for template in TEMPLATES + ["{{ " + e + " }}" for e in split_expressions(EXPRESSIONS)]:
    try:
        cases.append({"template": template, "output": environment.from_string(template).render(**VARIABLES)})
    except Exception as error:
        cases.append({"template": template, "error": str(error)})
json.dump({"variables": VARIABLES, "cases": cases}, open("../jinja-cases.json", "w"), ensure_ascii=False, indent=1)
print(len(cases), sum("error" in c for c in cases))
print("\n".join(c["template"] + "   => " + c["error"] for c in cases if "error" in c))
