"""Templates, a line each, and what Python's Jinja in the environment of transformers makes of them, for
test/src/models/checkpoint/jinja/jinjaTemplate.test.ts.

    python make_jinja.py

templates.json: cases[] with template, and text or error (whether there is one).
"""

import json
from pathlib import Path

from transformers.utils import chat_template_utils

TARGET = Path(__file__).parents[1] / "src/models/checkpoint/jinja/templates.json"
VARIABLES = {"d": {"b": 2, "a": {"k": 1.5}, "n": None}, "bos_token": "<s>"}
LINES = r'''{{ 'hello world-foo (bar'|title }}
{{ 'hELLO'|capitalize }} {{ "they're ok".title() }}
{{ -7 % 3 }} {{ 7 % -3 }} {{ -7 // 2 }} {{ 7.5 % -2 }} {{ -7.5 // 2 }}
{{ '1' == 1 }} {{ [1] == [1] }} {{ {'a':1} == {'a':1.0} }} {{ 1 == true }}
{{ '😀a'|length }} {{ '😀a'[1] }} {{ '😀ab'[::-1] }}
{{ [1,2,3][::-2] }} {{ 'abcdef'[-2:] }} {{ (1,2) }} {{ {'a': None, 'b': [True, 1.0, 1e20, 1e-7, 'it\'s']} }}
{{ 1/2 }} {{ 4/2 }} {{ 2**10 }} {{ 2**-1 }} {{ 10//3 }}
{{ x }}|{{ x.y is defined }}
{{ d.items() }} {{ d.keys()|list }} {{ d|items|list }}
{{ d|tojson }} {{ d|tojson(indent=2) }} {{ 'é"<'|tojson(ensure_ascii=true) }} {{ {'b':1,'a':[]}|tojson(sort_keys=true, indent=4) }}
{{ 3 is divisibleby 3 }} {{ 3 is divisibleby(2) }} {{ 'a' is in ['a'] }} {{ 'a' is not in ['a'] }} {{ none is sameas none }} {{ 1 is eq 1.0 }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ (1 < 3) < 2 }} {{ 1 ~ 2 + 3 ~ 4 }}
{{ 'a' 'b' }} {{ "\x41\u00e9\d\101\n" }}
{%- for i in [1,2,3] %}{% set z = i %}{{ y }}{% set y = i %}{% if i == 2 %}{% continue %}{% endif %}{{ loop.index }}{{ loop.cycle('a','b') }}{% else %}none{% endfor %}{{ z }}
{% macro f(a, b='x', c=a) %}[{{a}}{{b}}{{c}}{{varargs}}{{kwargs}}]{% endmacro %}{{ f(1) }}{{ f(1,2,3,4,q=5) }}{{ f() }}
{% macro g() %}<{{ caller() }}>{% endmacro %}{% call g() %}in{% endcall %}
{% set ns = namespace(a=1) %}{% for i in range(3) %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }} {{ ns }}
{% raw %}{{ x }} {% if %}{% endraw %}
   {%+ if true %}a{% endif %}
  {% if true -%}   b   {%- endif %}
{% set q %} a {{ 1 }} {% endset %}[{{ q }}]
{{ [3,1,2]|sort }} {{ ['b','A','c']|sort(reverse=true) }} {{ [1,2,3]|sum }} {{ [{'a':2},{'a':1}]|map(attribute='a')|list }} {{ [{'a':2},{'a':1}]|sort(attribute='a') }}
{{ [{'a':2},{'a':1},{'a':2}]|groupby('a') }} {{ [1,2,3]|batch(2)|list }} {{ [0,1]|select|list }} {{ [1,2,3]|select('odd')|list }} {{ [1,2]|reject('eq', 1)|list }}
{{ 3.14159|round(2) }} {{ 2.5|round }} {{ '%.2f' % 3.14159 }} {{ '%05d|%-5s|%s' % (3, 'a', [1]) }} {{ "%s"|format(1) }}
{{ 'a\nb\n\nc'|indent }} {{ 'a b c'|truncate(3) }} {{ 'ab'.center(7) }}|{{ 'abc'.center(6) }}|
{{ '  x '.strip() }}|{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c d'.rsplit(' ', 1) }} {{ 'a b c d'.split(' ', 1) }} {{ ' a  b  c '.split(none, 1) }} {{ ' a  b  c '.rsplit(none, 1) }}
{{ 'abc'.replace('', '-') }} {{ 'aaa'.replace('a','b',2) }} {{ 'a'.join(['1','2']) }} {{ 'x'.upper() }} {{ 'abcabc'.rfind('b') }} {{ 'abcabc'.count('bc') }}
{{ none }} {{ true }} {{ 1.0 }} {{ 1e16 }} {{ 123456789012345.6 }} {{ -0.0 }} {{ 0.1+0.2 }} {{ 1e3 }} {{ 0x1F }} {{ 1_000 }}
{{ 'a' if false }}|{{ ('a' if false) is defined }} {{ 'a' in 'abc' and not 'z' in 'abc' }} {{ 1 not in [2] }}
{{ '<a>'|safe }} {{ '<a>'|e }} {{ 'x'|default('y') }} {{ nope|default('y') }} {{ ''|default('y', true) }} {{ '5'|int + 1 }} {{ 'x'|int }} {{ '3.7'|int }} {{ '3.7'|float }}
{{ range(3) }} {{ range(3)|list }} {{ range(5,0,-2)|list }} {{ dict(a=1, b=2) }}
{{ [1,[2,3]]|tojson }} {{ 1.0|tojson }} {{ (1,2)|tojson }} {{ none|tojson }}
{{ 'ß'.upper() }} {{ 'ßa'.title() }} {{ "ab\tc"|tojson }} {{ ['a\n', "it's", 'é', '\x00']|string }}
{% filter upper %}a{{ 'b' }}{% endfilter %} {% generation %}G{% endgeneration %}
{{ loop is defined }} {{ [1,2,3]|first }} {{ [1,2,3]|last }} {{ []|first is defined }} {{ 'abc'|reverse }} {{ [1,2]|reverse|list }} {{ 'abc'|list }}
{{ d.get('zz') }} {{ d.get('zz', 'dd') }} {{ d['items'] is defined }} {{ d.items is defined }} {{ 'items' in d }} {{ d.a.b.c is defined }}
{{ 'a' < 'b' }} {{ [1,2] < [1,3] }} {{ '😀' < '￿' }} {{ not x }} {{ x or 'z' }} {{ 0 or [] or 'k' }} {{ 1 and 2 }}
{{ 'a' * 3 }} {{ [1] * 2 }} {{ [1] + [2] }} {{ 'a' + 'b' }} {{ 1 + true }} {{ 5 // 2.0 }} {{ +3 }} {{ -(-3) }} {{ - 2 ** 2 }}
{{ {'a':1}|length }} {{ {1:2, 'x':3} }} {{ {1:2}[1] }} {{ {1:2}|tojson }} {{ [1,2,3][-1] }} {{ [1,2,3][5] is defined }} {{ 'abc'[1:2] }} {{ d['a'] }} {{ d.a }} {{ [1,2].0 }}
{{ ['x','y']|join(', ') }} {{ [1,none,true]|join('-') }} {{ [{'a':1}]|join(',', attribute='a') }} {{ [1,1,2]|unique|list }} {{ [3,1]|min }} {{ [3,1]|max }} {{ {'b':1,'a':2}|dictsort }}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {% for a, (b, c) in [(1,(2,3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{{ 'a%sb' % 'x' }} {{ "{} {x}".format(1, x=2) }} {{ 'Hello'.startswith(('H','x')) }} {{ 'a-b'.partition('-') }} {{ 'x\ny'.splitlines() }} {{ 'abc'.isalpha() }} {{ '12'.isdigit() }} {{ 'ab'.zfill(5) }} {{ '-5'.zfill(4) }}
{{ raise_exception('no') }}
{{ x.y.z }}
{{ x + 1 }}
{{ 'a' + 1 }}
{{ [].append(1) }}
{{ d.update({}) }}
{{ nope() }}
{{ 'a'.nope() }}
{{ 1|nope }}
{% include 'x' %}
{% set a, b = 1, 2 %}{{ a }}{{ b }}
{% for i in [1,2,3] if i != 2 %}{{ loop.index }}{{ i }}{{ loop.last }}{% endfor %}
{{ x|tojson }}
{{ x|upper }}|{{ none|upper }}|{{ 5|upper }}|{{ x|length }}|{{ x|list }}|{{ x ~ 'a' }}
{{ 'a' is string }}{{ 1 is number }}{{ true is number }}{{ true is integer }}{{ 1.0 is float }}{{ [] is sequence }}{{ {} is mapping }}{{ 'a' is iterable }}{{ none is none }}{{ x is undefined }}{{ {} is sequence }}{{ 'A' is upper }}{{ x is iterable }}
{{ 1 if 1 else 2 if 0 else 3 }} {{ (1 if 0 else 2) + 1 }} {{ [1,2,]|length }} {{ {'a':1,}|length }}
{{ 1 }}
{% set j = joiner(',') %}{{ j() }}{{ j() }}
{{ loop.index }}
{% break %}
{{ 'abc' | replace('b', 'x') | upper ~ 'z' }} {{ -1|abs }} {{ 2 + 3|string }} {{ not true is none }}
{{ '' is none or 'a' is defined and not false }} {{ 1 == 1 == 1 }} {{ 'a' in 'ab' in ['ab'] }} {{ 1 != 2 in [2] }}'''
BLOCKS = [
    "  {% if true %}\n   a\n  {% endif %}\n{%- set x = 1 -%}\n  b  \n{# a comment #}\n\tc {{- ' d ' -}} e\n\n",
    "{# c #}  \n  {#- c -#}  \n x {%- raw -%} \n {{ y }} \n {%- endraw -%} \n z\n  {%- raw %}\n  k {% endraw %}\n end",
    "a\n  {%+ if 1 %}\n b +%}{% endif +%}\n c",
    '{{ "%}" }}{{ {"a": {"b": 1}}["a"]["b"] }}{% if "%}" %}x{% endif %}{% set x = "}}" %}{{ x }}',
    "{{ d.n }}|{{ d['n'] }}|{{ [none]|first }}|{% macro f(a) %}{{ a }}{% endmacro %}{{ f(none) }}|{{ d.get('n', 1) }}",
]


def case(template: str) -> dict:
    try:
        return {"template": template, "text": chat_template_utils._compile_jinja_template(template).render(**VARIABLES)}
    except Exception:
        return {"template": template, "error": True}


if __name__ == "__main__":
    cases = [case(template) for template in [*LINES.split("\n"), *BLOCKS]]
    TARGET.write_text(json.dumps({"cases": cases}, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
