"""Chat templates in the manner of the common families, and what transformers makes of conversations with them, for
test/src/models/checkpoint/chatTemplate.test.ts.

    python make_templates.py

chatTemplates.json: cases[] with name, template, messages, and text or error (the template refuses the messages).
"""

import json
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

TARGET = Path(__file__).parents[1] / "src/models/checkpoint/template/chatTemplates.json"
SYSTEM = {"role": "system", "content": "Be brief."}
USER = {"role": "user", "content": " Hi\u2028 <b>&'\"é😀 \n"}
REPLY = {"role": "assistant", "content": "<think>\nhm\n</think>\n\nYes "}
ODD = {"role": "user", "content": "\u0085\ufeff\x1c xx-y \u3000\n"}
CHATS = [[USER], [SYSTEM, USER], [SYSTEM, USER, REPLY, ODD], [USER, USER]]

OPEN = "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
TEMPLATES = {
    "turns in tags": "{% for m in messages %}{{'<|' + m['role'] + '|>\\n' + m['content'] + '<|end|>' + '\\n'}}{% endfor %}" + OPEN,
    "a system turn by default": (
        "{% if messages[0]['role'] != 'system' %}{{ 'system: be good\\n' }}{% endif %}"
        "{% for m in messages %}{{ m.role }}: {{ m.content|trim }}{% if not loop.last %}\n\n{% endif %}{% endfor %}" + OPEN
    ),
    "headers, the first with its begin token": (
        "{% for m in messages %}{% set text = '[' + m['role'] + ']\\n\\n' + m['content'] | trim + '<|eot|>' %}"
        "{% if loop.index0 == 0 %}{% set text = bos_token + text %}{% endif %}{{ text }}{% endfor %}" + OPEN
    ),
    "instructions that alternate": (
        "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set system = messages[0]['content'] %}"
        "{% else %}{% set rest = messages %}{% set system = false %}{% endif %}"
        "{% for m in rest %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('The roles must alternate, turn ' ~ loop.index) }}{% endif %}"
        "{% if loop.index0 == 0 and system != false %}{% set text = '<<S>>' + system + '<</S>>' + m['content'] %}"
        "{% else %}{% set text = m['content'] %}{% endif %}"
        "{% if m['role'] == 'user' %}{{ bos_token + '[I] ' + text.strip() + ' [/I]' }}"
        "{% elif m['role'] == 'assistant' %}{{ ' ' + text.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
    ),
    "thoughts of earlier turns left out": (
        "{%- set ns = namespace(last=messages|length - 1, searching=true) %}\n"
        "{%- for m in messages[::-1] %}\n    {%- set index = (messages|length - 1) - loop.index0 %}\n"
        "    {%- if ns.searching and m.role == 'user' and m.content is string and not m.content.startswith('<tool>') %}\n"
        "        {%- set ns.searching = false %}\n        {%- set ns.last = index %}\n    {%- endif %}\n{%- endfor %}\n"
        "{%- for m in messages %}\n    {%- set text = m.content %}\n    {%- set thought = '' %}\n"
        "    {%- if m.role == 'assistant' and '</think>' in text %}\n"
        "        {%- set thought = text.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}\n"
        "        {%- set text = text.split('</think>')[-1].lstrip('\\n') %}\n    {%- endif %}\n"
        "    {{- '<' ~ m.role ~ '>' ~ (thought if loop.index0 > ns.last else '') ~ text.strip('\\n') ~ '</>' }}\n{%- endfor %}\n" + OPEN
    ),
    "a model without system turns": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        "{% for m in messages %}{% if m['role'] == 'assistant' %}{% set role = 'model' %}{% else %}{% set role = m['role'] %}"
        "{% endif %}{{ '<turn>' + role + '\\n' + m['content'] | trim + '</turn>\\n' }}{% endfor %}"
    ),
    "what is stripped": "{% for m in messages %}[{{ m.content.strip(' \\nx-') }}|{{ m.content.lstrip() }}|{{ m.content.rstrip('y \\n') }}|{{ m.content|trim }}]{% endfor %}",
    "JSON": "{{ messages|tojson }}{{ messages[0]|tojson(indent=2) }}",
    "loops": (
        "{% for m in messages if m.role != 'system' %}{{ loop.index }}/{{ loop.length }}{{ loop.revindex }}"
        "{{ loop.previtem.role if loop.previtem is defined else '-' }}{{ loop.nextitem.role if loop.nextitem is defined else '-' }};"
        "{% else %}none{% endfor %}{% for k, v in {'b': 1, 'a': 2}|dictsort %}{{ k }}{{ v }}{% endfor %}"
        "{% for m in messages %}{% if loop.index > 2 %}{% break %}{% endif %}{% if m.role == 'system' %}{% continue %}{% endif %}"
        "{{ m.role }}{% endfor %}"
    ),
    "macros and blocks": (
        "{% macro turn(role, text='x') %}[{{ role }}:{{ text|trim }}]{% endmacro %}{% for m in messages %}{{ turn(m.role, m.content) }}"
        "{% endfor %}{{ turn('z') }}{{ turn(role='q', text='r') }}{% set text %}a {{ messages[0].role }} b{% endset %}{{ text }}"
    ),
    "chosen messages": (
        "{{ messages|map(attribute='role')|join(', ') }}{% set users = messages|selectattr('role', 'equalto', 'user')|list %}"
        "{{ users|length }}{{ users[-1].content|trim }}{{ messages|rejectattr('role', 'equalto', 'user')|map(attribute='role')|join }}"
    ),
    "white space": "  {% if true %}\n   a\n  {% endif %}\n{%- set x = 1 -%}\n  b  \n{# a comment #}\n\tc {{- ' d ' -}} e\n\n",
    "what is not there": "a{{ nothing }}b{{ messages[0].name }}c{% if messages[0].tool_calls %}d{% endif %}{{ nothing|default('e') }}",
}


def case(name: str, template: str, messages) -> dict:
    told = {"tools": None, "documents": None, "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True}
    try:
        texts, _ = render_jinja_template([messages], chat_template=template, **told)
        result = {"text": texts[0]}
    except Exception as error:
        result = {"error": str(error)}
    return {"name": name, "template": template, "messages": messages, **result}


if __name__ == "__main__":
    cases = [case(name, template, messages) for name, template in TEMPLATES.items() for messages in CHATS]
    TARGET.write_text(json.dumps({"cases": cases}, indent=2, ensure_ascii=True) + "\n", encoding="utf-8")
