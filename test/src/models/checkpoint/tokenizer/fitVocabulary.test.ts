import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { args } from '../../../../../pipelines/decoders/args.js'
import { generate } from '../../../../../pipelines/run/generate.js'
import type { Prompt } from '../../../../../src/core/prompt.js'
import type { Row } from '../../../../../src/core/run.js'
import { fitVocabulary } from '../../../../../src/models/checkpoint/tokenizer/fitVocabulary.js'
import { loadCodec } from '../../../../../src/models/checkpoint/tokenizer/loadCodec.js'
import { pairSizes, writeRandomPair } from '../../../../../src/models/checkpoint/writeRandomPair.js'
import { loadModels } from '../../../../../src/models/loadModels.js'

const SIZE = 300
let root: string

/** Adds tokens to a folder's tokenizer, and other fields. */
async function change(folder: string, added: readonly (readonly [id: number, content: string])[], fields: object = {}) {
  const file = join(folder, 'tokenizer.json')
  const json = JSON.parse(await readFile(file, 'utf8')) as object
  const added_tokens = added.map(([id, content]) => ({ id, content, special: true, normalized: false }))
  await writeFile(file, JSON.stringify({ ...json, added_tokens, ...fields }))
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'rxargs-vocabulary-'))
  await writeRandomPair(root, pairSizes.parse({ d: 8, layers: 1, heads: 2, ffn: 8, vocab: SIZE, context: 64 }))
  for (const name of ['same', 'known', 'padded', 'several', 'framed'])
    await cp(join(root, 'reward'), join(root, name), { recursive: true })
  await change(join(root, 'known'), [[SIZE - 1, '[PAD]']])
  await change(join(root, 'padded'), [[SIZE, '[PAD]']])
  await change(
    join(root, 'several'),
    Array.from({ length: 7 }, (_, index) => [SIZE + index, `<extra_${index}>`]),
  )
  const piece = { SpecialToken: { id: '[CLS]', type_id: 0 } }
  const text = { Sequence: { id: 'A', type_id: 0 } }
  const special_tokens = { '[CLS]': { id: '[CLS]', ids: [SIZE], tokens: ['[CLS]'] } }
  const post_processor = { type: 'TemplateProcessing', single: [piece, text], pair: [piece, text], special_tokens }
  await change(join(root, 'framed'), [[SIZE, '[CLS]']], { post_processor })
})
afterAll(() => rm(root, { recursive: true, force: true }))

describe('fitVocabulary', () => {
  const fitted = async (name: string, size = SIZE) => fitVocabulary(join(root, name), size, await loadCodec(join(root, name)))

  it('leaves a tokenizer alone that fits', async () => {
    const codec = await loadCodec(join(root, 'padded'))
    expect(fitVocabulary('m', SIZE + 1, codec)).toBe(codec)
  })

  it('refuses only a text with a token beyond the vocabulary, and names the token', async () => {
    const codec = await fitted('padded')
    expect(codec.encode('a PAD b', true)).toEqual((await loadCodec(join(root, 'same'))).encode('a PAD b', true))
    expect(() => codec.encode('a[PAD]', false)).toThrow(
      /^Expected no token that the model in .*padded has no embedding for \(its vocabulary has 300\), got "\[PAD\]" \(300\)$/,
    )
    expect(codec.vocabSize).toBe(SIZE)
  })

  it('says which tokens they are, five of many', async () => {
    const notices = async (name: string) => (await fitted(name)).notices
    expect(await notices('padded')).toEqual([
      expect.stringMatching(/no embedding for: "\[PAD\]" \(300\)\. A prompt with one becomes an error row$/),
    ])
    expect(await notices('several')).toEqual([expect.stringMatching(/"<extra_4>" \(304\), … \(7 in all\)\./)])
  })

  it('tells a tokenizer apart from the same one with a larger model', async () => {
    const whole = await loadCodec(join(root, 'padded'))
    expect((await fitted('padded')).fingerprint).not.toBe(whole.fingerprint)
  })

  it.each([
    ['ordinary tokens beyond the vocabulary', 'same', SIZE - 1, 299],
    ['an added token that stands in every text', 'framed', SIZE, 300],
  ])('refuses %s', async (_, name, size, id) => {
    await expect(fitted(name, size)).rejects.toThrow(new RegExp(`fit the vocabulary of ${size} .* token ids up to ${id}$`))
  })
})

describe('a reward model with an unused token beyond its vocabulary', () => {
  it('rewards prompts without it as before, and makes error rows of prompts with it', async () => {
    const rowsOf = async (reward: string, notices: string[] = []) => {
      const paths = { lm: join(root, 'lm'), reward: join(root, reward), threads: 1 }
      const models = await loadModels({ ...paths, onNotice: (notice) => notices.push(notice) })
      async function* prompts(): AsyncGenerator<Prompt> {
        yield { id: 'plain', content: { text: 'a cat' } }
        yield { id: 'padded', content: { text: 'a cat[PAD]' } }
      }
      const rows = new Map<string, Row>()
      for await (const row of generate(prompts(), args({ k: 3 }), models, { maxNewTokens: 4 })) rows.set(row.id, row)
      await models.close()
      return rows
    }
    const notices: string[] = []
    const [rows, plain] = [await rowsOf('padded', notices), await rowsOf('known')]
    expect(rows.get('plain')).toMatchObject({ error: null })
    expect(rows.get('plain')!.tokenIds).toEqual(plain.get('plain')!.tokenIds)
    expect(rows.get('padded')!.error).toContain('got "[PAD]" (300)')
    expect(plain.get('padded')!.error).toBeNull()
    expect(notices.filter((notice) => notice.includes('"[PAD]" (300)'))).toHaveLength(1)
  })
})
