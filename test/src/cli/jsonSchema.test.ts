import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { rxargs } from './rxargs.js'

const folder = mkdtempSync(join(tmpdir(), 'rxargs-json-'))
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const schema = file(
  'schema.json',
  JSON.stringify({
    type: 'object',
    properties: { polite: { type: 'boolean' }, tone: { enum: ['warm', 'cold'] }, answer: { type: 'string', maxLength: 20 } },
    required: ['polite', 'tone', 'answer'],
  }),
)
const reply = z.strictObject({ polite: z.boolean(), tone: z.enum(['warm', 'cold']), answer: z.string().max(20) })
const ofPipeline = z.strictObject({
  polite: z.boolean(),
  tone: z.enum(['warm', 'plain', 'cold']),
  answer: z.string().max(40),
})

type Reply = Readonly<{ id: string; completion: string; token_ids: number[]; finish_reason: string }>
const replies = async (...flags: string[]): Promise<Reply[]> => {
  const { code, stdout, stderr } = await rxargs(['generate', 'data/prompts/sample.jsonl', '--limit', '4', ...flags])
  if (code !== 0) throw new Error(stderr)
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Reply)
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1))
}

describe('--json-schema', () => {
  it.each(['args', 'args-stochastic'])(
    'makes each complete reply of %s JSON of the schema, at any concurrency',
    async (decoder) => {
      const flags = ['--json-schema', schema, '--decoder', decoder, '--k', '10', '--max-new-tokens', '80']
      const [one, many] = [await replies(...flags, '--concurrency', '1'), await replies(...flags, '--concurrency', '8')]
      expect(many.map(({ token_ids }) => token_ids)).toEqual(one.map(({ token_ids }) => token_ids))
      const stopped = one.filter(({ finish_reason }) => finish_reason === 'stop')
      expect(stopped.length).toBeGreaterThan(0)
      for (const { completion } of stopped) expect(reply.safeParse(JSON.parse(completion)).error).toBeUndefined()
    },
  )

  it('reports length for a reply that the limit cuts', async () => {
    const cut = await replies('--json-schema', schema, '--max-new-tokens', '3')
    expect(cut.map(({ finish_reason }) => finish_reason)).toEqual(cut.map(() => 'length'))
  })

  it.each([
    ['a schema that cannot be read', file('type.json', '{"type":"foo"}'), /#\/type: expected one of string, integer/],
    ['what is no JSON', file('broken.json', '{"type":'), /Expected `--json-schema` to be a file with a JSON Schema/],
    ['a key that comes twice', file('twice.json', '{"type":"string","type":"number"}'), /it has the key "type" twice/],
    ['what is no object', file('list.json', '[]'), /it is not a JSON object/],
    ['a file that is not there', join(folder, 'none.json'), /found nothing there/],
  ])('refuses %s in one line', async (_, path, message) => {
    const { code, stderr } = await rxargs(['generate', 'data/prompts/sample.jsonl', '--json-schema', path])
    expect(code).not.toBe(0)
    expect(stderr.trim()).toMatch(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  it.each(['{}', '{ jsonSchema: {}, ebnf: "root ::= [a-z]" }'])('refuses a pipeline with `grammar: %s`', async (source) => {
    const steps = `steps: [{ grammar: ${source} }, { topK: { k: 2 } }, { selectGreedy: {} }]`
    const { code, stderr } = await rxargs(['generate', 'data/prompts/sample.jsonl', '--pipeline', file('both.yaml', steps)])
    expect(code).not.toBe(0)
    expect(stderr).toBe('rxargs: Expected one of `jsonSchema` and `ebnf`\n')
  })

  it('refuses a search by name', async () => {
    const { stderr } = await rxargs(['generate', 'data/prompts/sample.jsonl', '--decoder', 'best-of-n', '--json-schema', schema])
    expect(stderr).toMatch(/`best-of-n` is a search/)
  })
})

describe('data/pipelines/json.yaml', () => {
  it('makes JSON of its schema', async () => {
    const rows = await replies('--pipeline', 'data/pipelines/json.yaml', '--max-new-tokens', '100')
    const stopped = rows.filter(({ finish_reason }) => finish_reason === 'stop')
    expect(stopped.length).toBeGreaterThan(0)
    for (const { completion } of stopped) expect(ofPipeline.safeParse(JSON.parse(completion)).error).toBeUndefined()
  })
})
