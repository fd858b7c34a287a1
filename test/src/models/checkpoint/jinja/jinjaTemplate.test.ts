import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { jinjaTemplate } from '../../../../../src/models/checkpoint/jinja/jinjaTemplate.js'

/** What test/reference/make_jinja.py writes; its head describes the fields. */
type Case = Readonly<{ template: string } & ({ text: string } | { error: true })>

const { cases } = JSON.parse(readFileSync(join(import.meta.dirname, 'templates.json'), 'utf8')) as { cases: Case[] }
const variables = { d: { b: 2, a: { k: 1.5 }, n: null }, bos_token: '<s>' }
const hooks = {
  tell: () => 'now',
  refuse: (reason: string): never => {
    throw new Error(reason)
  },
}
const render = (template: string) => jinjaTemplate(template)(variables, hooks)

describe('a template as Python renders it', () => {
  it.each(cases.map((one) => [one.template, one] as const))('%s', (template, one) => {
    if ('text' in one) expect(render(template)).toBe(one.text)
    else expect(() => render(template)).toThrow()
  })
})

describe('what is not supported is named, with its line', () => {
  it.each([
    ['a\n{% with x = 1 %}{{ x }}{% endwith %}', 'line 2: `{% with x = 1 %}` is not supported'],
    ["{% include 'x' %}", "line 1: `{% include 'x' %}` is not supported"],
    ['{% for a in [1] recursive %}{% endfor %}', 'line 1: `{% for a in [1] recursive %}` is not supported'],
    ['\n\n{{ a ! b }}', 'line 3: `{{ a ! b }}`: unexpected character "!"'],
    ['{{ 100000000000000000000 }}', 'the number 100000000000000000000 is too large'],
    ['{% if a %}', '`{% if a %}` is not supported, or its end is missing or wrong'],
    ['{{ a', 'line 1: `{{` has no end'],
    ["{{ 'a'|urlize }}", 'the filter urlize is not supported'],
    ["{{ 'a'.encode() }}", 'the method str.encode() is not supported'],
    ['{{ cycler(1)() }}', 'the function cycler() is not supported'],
    ["{{ ('a'|safe) + 'b' }}", 'text of the filter safe or escape'],
    ['{{ [1]|map("string") }}', 'a generator has no text'],
    ['{% break %}', '`break` or `continue` outside of a loop'],
  ])('%j', (template, message) => expect(() => render(template)).toThrow(message))
})
