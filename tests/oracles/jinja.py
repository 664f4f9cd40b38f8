"""Small templates and what Python's jinja2 renders, with the environment that transformers uses for chat templates.

    python tests/oracles/jinja.py > tests/oracles/jinja.json

`right` is null where jinja2 raises an error.
"""
import json
import sys

from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

VARIABLES = {"turns": [{"role": "user", "content": "Hi there", "n": 3}, {"role": "assistant", "content": "it's\n\"ok\"", "n": 10}], "tools": None, "yes": True, "empty": "", "text": "one two Three", "items": ["b", "a", "C"], "date": 20250131, "deep": {"a": {"b": [1, 2]}, "t": False}}

TEMPLATES = [
    "{{ true }} {{ false }} {{ none }} {{ yes }}", "{{ ['b'] }}", "{{ ['it\\'s', \"q\"] }}", "{{ {'a': 1, 'b': [true, none]} }}", "{{ (1, 2) }}", "{{ turns }}", "{{ deep }}",
    "{{ 1.0 }} {{ 2.5 }} {{ 3 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 2 ** 3 }}", "{{ date }} {{ 3000000 + 1 }}", "{{ 'a' ~ 1 ~ true ~ none ~ ['x'] }}",
    "{{ 1 == '1' }} {{ 1 == 1.0 }} {{ [1] == [1] }} {{ {'a': 1} == {'a': 1} }} {{ '' == 0 }} {{ none == x }}", "{{ [1] in [[1], [2]] }} {{ 'a' in 'cat' }} {{ 'a' in deep }} {{ 2 not in [1] }}",
    "{{ 'hELLO wORLD' | capitalize }} {{ 'hELLO wORLD'.capitalize() }}", "{{ 'hello big-world (x' | title }} {{ \"it's o'k\".title() }}", "{{ turns | join(', ', attribute='role') }} {{ turns | join('|', 'n') }}", "{{ [1, true, none, 2.0] | join('-') }}",
    "{{ 'ff' | int(base=16) }} {{ '0b11' | int(0, 2) }} {{ '12.7' | int }} {{ 'x' | int(-1) }} {{ 3.9 | int }} {{ -3.9 | int }} {{ true | int }}", "{{ '3.5' | float }} {{ 2 | float }} {{ 'x' | float }}",
    "{{ 2.5 | round }} {{ 3.456 | round(2) }} {{ 2.1 | round(method='ceil') }} {{ 7 | round }}", "{{ 5 is divisibleby(2) }} {{ 4 is divisibleby 2 }} {{ 4 is not divisibleby(3) }}", "{{ 3 is odd and 4 is even }} {{ 3 is eq(3) }} {{ 3 is ne 4 }} {{ none is sameas none }} {{ 2 is in([1, 2]) }}",
    "{% for m in turns %}{{ loop.cycle('a', 'b') }}{{ loop.index }}{{ loop.last }}{% endfor %}", "{{ '{} and {1}'.format(1, 2) }}", "{{ '{} and {}'.format('x', true) }} {{ '{a}{{}}'.format(a=none) }}", "{{ '%s-%d%%' % ('a', 3) }} {{ 'x%s' % 'y' }} {{ '%s' % none }}",
    "{{ none | selectattr('a') | list }} {{ nothing | selectattr('a') | list | length }}", "{{ turns | selectattr('role', 'equalto', 'user') | map(attribute='content') | list }}", "{{ turns | rejectattr('n', 'gt', 5) | list | length }}", "{{ items | map('upper') | join }} {{ [1, 0, 2] | select | list }} {{ [1, 2, 3] | select('odd') | list }} {{ [1, 2, 3] | reject('gt', 1) | list }}",
    "{{ nothing | length }} [{{ nothing | upper }}] [{{ nothing }}] {{ nothing | default('d') }} {{ empty | default('e', true) }} {{ empty | d('e') }}", "{{ nothing.field }}", "{{ none.field }}", "{{ deep.a.x }}|{{ deep.x.y }}", "{{ turns[0].missing is defined }} {{ turns[0]['role'] }}",
    "{{ 'abc' | list }} {{ 'abc' | first }} {{ 'abc' | last }} {{ 'abc' | reverse }} {{ items | reverse | list }} {{ 'héé🙂' | length }} {{ deep | list }}", "{% for c in 'ab' %}[{{ c }}]{% endfor %}{% for k in deep %}{{ k }};{% endfor %}{% for k, v in deep.items() %}{{ k }}={{ v }};{% endfor %}{% for x in nothing %}x{% else %}none{% endfor %}", "{% for a, b in [(1, 2), [3, 4]] %}{{ a }}{{ b }} {% endfor %}", "{% for x in none %}{% endfor %}",
    "{% raw %}{{ not rendered }} {% if %}{% endraw %} end", "a\n  {% raw %}\nb {{ 'c' }}\n  {% endraw %}\nd", "x {%- raw -%}  {{ a }}  {%- endraw -%}  y", "{{ 'ab' * 3 }} {{ '-' * 0 }}", "{{ 'a' + 1 }}", "{{ 1 + '1' }}", "{{ 'a' < 'b' }} {{ 2 > 1.5 }} {{ 'B' < 'a' }}", "{{ 1 < 'a' }}",
    "{{ 'a,b'.split(',') }} {{ ', '.join(['x', 'y']) }} {{ 'abc'.find('c') }} {{ 'aXa'.count('a') }} {{ '12'.isdigit() }} {{ 'pre-x'.removeprefix('pre-') }}", "{{ text.upper() }} {{ text.lower() }} {{ text.replace('o', '0', 1) }} {{ text | replace('e', '3') }} {{ '  x '.strip() }}| {{ 'xxaxx'.strip('x') }} {{ 'xax' | trim('x') }}",
    "{{ deep | tojson }} {{ [1, 'é<'] | tojson }}", "{{ {'b': 1, 'a': [true]} | tojson(indent=2) }}", "{{ items | sort }} {{ items | unique | list }} {{ [3, 1] | sort(reverse=true) }} {{ [1, 2] | sum }}", "{{ yes and 'x' or 'y' }} {{ not yes }} {{ 'z' if empty }} {{ 'p' if yes else 'q' }}",
    "{{ 'abc'[1:] }} {{ 'abc'[-1] }} {{ items[::-1] }} {{ items[:2] }} {{ turns[1:] | length }}", "{% set ns = namespace(a=1) %}{% for m in turns %}{% set ns.a = ns.a + m.n %}{% endfor %}{{ ns.a }}", "{% macro f(x, y='d') %}<{{ x }}{{ y }}>{% endmacro %}{{ f(1) }}{{ f(none, y=true) }}", "{% set x %}a{{ true }}{% endset %}{{ x }}",
    "{{ 5 is number }} {{ true is number }} {{ true is integer }} {{ 'a' is string }} {{ deep is mapping }} {{ (1, 2) is iterable }} {{ deep is iterable }} {{ 1.0 is float }} {{ none is none }} {{ x is undefined }}", "{{ 'Ab' is upper }} {{ 'AB' is upper }} {{ 'ab' is lower }}", "{{ items.length }}", "{{ turns | map(attribute='x', default='-') | join(',') }}", "{{ turns[0].n | string + '!' }} {{ 10 | string | length }} {{ [1, 'a'] | string }} {{ true | string | lower }}",
    "{{ [1, 2][0] }} {{ [1, 2][5] }}| {{ deep['a']['b'][1] }}", "{{ 1 if true is true else 2 }} {{ 'false' if not tools is none else 'null' }}", "{% for m in turns if m.role == 'user' %}{{ m.content }}{% endfor %}", "{% for m in turns %}{% if loop.first %}{% continue %}{% endif %}{{ m.role }}{% break %}{% endfor %}", "{{ \"\\n\" in turns[1].content }} {{ turns[1].content | tojson }}",
    "{{ x.y is defined }}", "{{ turns | length > 1 and turns[-1].role != 'user' }}", "{{ 1000000 * 1000000 }}", "{{ '%05d' % 3 }}", "{{ '{:>3}'.format(1) }}", "{{ items | batch(2) | list }}", "{{ 'a b' | wordcount }}", "{{ deep | xmlattr }}", "{{ {1: 'a'}[1] }}", "{{ -1 | abs }} {{ 2 | abs }} {{ 3.0 | abs }}", "{{ loop }}", "{{ not_there ~ 'x' }}", "{{ ('a', 'b') | join('') }} {{ 'x' in ('x', 'y') }}", "{{ text.startswith('one') }} {{ text.endswith(('x', 'Three')) }} {{ 'a'.join('bc') }}", "{{ [] }} {{ {} }} {{ '' | trim }}|", "{{ 'tab\\t\"q\"' }} {{ ['tab\\t', 'é', '\\\\'] }}",
]


def main():
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def render(template):
        try:
            return environment.from_string(template).render(**VARIABLES)
        except Exception:
            return None

    json.dump({"variables": VARIABLES, "cases": [{"template": template, "right": render(template)} for template in TEMPLATES]}, sys.stdout, ensure_ascii=False, indent=1)


main()
