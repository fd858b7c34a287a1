import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonl, pair, rxargs } from './rxargs.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const readme = readFileSync(join(root, 'pipelines/README.md'), 'utf8')
const cautious = 'data/pipelines/cautious.yaml'

let folder: string
let own: string
const file = async (name: string, text: string): Promise<string> => {
  await writeFile(join(folder, name), text)
  return join(folder, name)
}
beforeAll(async () => {
  // Inside the package, so that a module finds its libraries.
  await mkdir(join(root, 'out'), { recursive: true })
  folder = await mkdtemp(join(root, 'out/explain-'))
  own = await file('my-operators.js', readme.match(/```js\n(\/\/ my-operators\.js\n[\s\S]*?)```/)![1]!)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const refusal = async (args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await rxargs(args)
  expect([code, stdout]).toEqual([2, ''])
  return stderr
}

describe('rxargs explain', () => {
  it('shows a decoder with its options', async () => {
    const { code, stdout } = await rxargs(['explain', 'args', '--k', '3'])
    expect(code).toBe(0)
    expect(stdout).toContain('    - topK: { k: 3 }\n')
    expect(stdout).toContain('export const args: Decoder = ({ reward }) => steps(')
  })
  it('shows the pipeline of a file with the options of flags', async () => {
    const { code, stdout } = await rxargs(['explain', join(root, cautious), '--weight', '2'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^cautious\n/)
    expect(stdout).toContain('combineScore({ weight: 2 })')
  })
  it('shows a search with all its options, by name and from a file', async () => {
    const { code, stdout } = await rxargs(['explain', join(root, 'data/pipelines/best-of-n.yaml'), '--n', '3'])
    expect(code).toBe(0)
    expect(stdout).toContain('    bestOfN: { k: 20, temperature: 0.7, p: 1, n: 3 }\n')
    expect(stdout).toContain('bestOfN({ k: 20, temperature: 0.7, p: 1, n: 3 })')
    expect((await rxargs(['explain', 'beam'])).stdout).toContain('Needs: the logits of all tokens\n')
    expect(stdout).toContain('Needs: the logits of the 20 likeliest tokens, a reward\n')
  })
  it('shows custom operators', async () => {
    const yaml = 'steps:\n  - topK: { k: 3 }\n  - avoidToken: { tokenId: 5, by: 2 }\n  - selectGreedy: {}\n'
    const { code, stdout } = await rxargs(['explain', await file('own.yaml', yaml), '--use', own])
    expect(code).toBe(0)
    expect(stdout).toContain('operators.avoidToken.make({ tokenId: 5, by: 2 }, models)')
    const schema = await rxargs(['explain', '--schema', '--use', own])
    expect(schema.stdout).toContain('subtracts a number from the score of one token')
  })
  it('refuses an unknown decoder in one line', async () => {
    expect(await refusal(['explain'])).toContain('Expected a decoder, a search or a pipeline file to explain, got nothing')
    expect(await refusal(['explain', 'best'])).toContain('Expected a decoder, a search or a pipeline file to explain, got `best`')
    expect(await refusal(['explain', 'arggs'])).toContain('got `arggs` (did you mean `args`?)')
    expect(await refusal(['explain', './none.yaml'])).toContain('./none.yaml: found nothing there')
    expect(await refusal(['explain', 'args', '--use', './none.js'])).toContain('./none.js: found nothing there')
    const broken = await file('broken.js', 'export const operators = {')
    expect(await refusal(['explain', 'args', '--use', broken])).toContain('to be a module that loads')
    const bad = await file('bad.yaml', 'steps:\n  - topK: { k: 3 }\n  - selectGreed: {}\n')
    expect(await refusal(['explain', bad])).toBe(
      `rxargs: ${bad}:3:5: Expected an operator, got \`selectGreed\` (did you mean \`selectGreedy\`?)\n`,
    )
  })
})

describe('rxargs generate --pipeline', () => {
  const generate = (args: readonly string[], input: string) =>
    rxargs(['generate', ...pair, '--max-new-tokens', '4', ...args], input)
  const replies = (stdout: string) => jsonl(stdout).map(({ id, token_ids: ids, error }) => ({ id, ids, error }))

  it("decodes by the README's search", async () => {
    const shown = readme.match(/```yaml\n# data\/pipelines\/best-of-n\.yaml\n([\s\S]*?)```/)![1]!
    const path = join(root, 'data/pipelines/best-of-n.yaml')
    expect(readFileSync(path, 'utf8')).toContain(shown)
    const input = '{"prompt": "How do I make bread?"}\n'
    const flags = ['--decoder', 'best-of-n', '--n', '4', '--k', '20', '--temperature', '0.7']
    const [read, named] = [await generate(['--pipeline', path], input), await generate(flags, input)]
    expect([read.code, replies(read.stdout)]).toEqual([0, replies(named.stdout)])
  })

  it("decodes by the README's example, which a row may override", async () => {
    const shown = readme.match(/```yaml\n# data\/pipelines\/cautious\.yaml\n([\s\S]*?)```/)![1]!
    expect(readFileSync(join(root, cautious), 'utf8')).toContain(shown)
    const rows = readme.match(/```jsonl\n([\s\S]*?)```/)![1]!
    const { code, stdout, stderr } = await generate(['--pipeline', join(root, cautious), '--weight', '2'], rows)
    expect(stderr).toContain('cautious.yaml (weight 2)')
    expect([code, replies(stdout).map(({ error }) => error)]).toEqual([0, [null, null, null]])
    const one = jsonl(stdout).find(({ id }) => id === 'stdin:2')!
    const greedy = await generate(['--decoder', 'greedy'], '{"prompt": "How do I make bread?"}\n')
    expect((one.token_ids as number[]).slice(0, 4)).toEqual(jsonl(greedy.stdout)[0]!.token_ids)
  })
  it('decodes like the decoder by name', async () => {
    const yaml = 'steps:\n  - topK: { k: 5 }\n  - batchReward:\n  - combineScore: { weight: 1.5 }\n  - selectGreedy:\n'
    const input = '{"prompt": "One"}\n'
    const [named, data] = await Promise.all([
      generate(['--k', '5'], input),
      generate(['--pipeline', await file('args.yaml', yaml)], input),
    ])
    expect(replies(data.stdout)).toEqual(replies(named.stdout))
  })
  it('decodes with custom operators and decoders', async () => {
    const operators = readFileSync(own, 'utf8')
    const decoders =
      "import { args } from 'rxargs'\nexport const decoders = { plain: { make: () => args({ k: 2, weight: 0 }) } }\n"
    const module = await file('both.js', operators + decoders.replace("'rxargs'", "'../../dist/src/index.js'"))
    const input = '{"prompt": "One"}\n'
    const greedy = await generate(['--decoder', 'greedy'], input)
    expect(replies((await generate(['--use', module, '--decoder', 'plain'], input)).stdout)).toEqual(replies(greedy.stdout))
    const [first] = jsonl(greedy.stdout)[0]!.token_ids as number[]
    const yaml = `steps:\n  - topK: { k: 3 }\n  - avoidToken: { tokenId: ${first}, by: 99 }\n  - selectGreedy:\n`
    const avoided = await generate(['--use', module, '--pipeline', await file('avoid.yaml', yaml)], input)
    expect((jsonl(avoided.stdout)[0]!.token_ids as number[])[0]).not.toBe(first)
  })
  it('refuses a decoder beside it, and an option that no step has', async () => {
    const path = join(root, cautious)
    expect(await refusal(['generate', '-', '--pipeline', path, '--decoder', 'args'])).toContain(
      '`--decoder` or `--pipeline`, got both',
    )
    expect(await refusal(['generate', '-', '--pipeline', path, '--top-p', '0.5'])).toContain('No step takes `p`')
  })
})
