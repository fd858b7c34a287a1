import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hashFolder } from '../../../../src/models/checkpoint/hashFolder.js'
import { type EncoderOptions, loadEncoder } from '../../../../src/models/loadEncoder.js'

const bert = fileURLToPath(new URL('../../../../data/golden/encoders/bert', import.meta.url))

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-sentence-'))
  await cp(bert, folder, { recursive: true })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const modules = (...kinds: readonly string[]) => {
  const list = kinds.map((kind, idx) => ({
    idx,
    path: idx === 0 ? '' : `${idx}_${kind}`,
    type: `sentence_transformers.models.${kind}`,
  }))
  return writeFile(join(folder, 'modules.json'), JSON.stringify(list))
}
const pooling = async (config: object) => {
  await mkdir(join(folder, '1_Pooling'), { recursive: true })
  await writeFile(join(folder, '1_Pooling', 'config.json'), JSON.stringify({ word_embedding_dimension: 32, ...config }))
}
async function embedding(path: string, options: EncoderOptions = {}): Promise<number[]> {
  const encoder = await loadEncoder(path, { threads: 1, ...options })
  try {
    return [...(await encoder.embed(['How far is the moon?']))[0]!]
  } finally {
    await encoder.close()
  }
}

describe('the modules of an encoder’s folder', () => {
  it.each([
    ['cls', { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }],
    ['mean', { pooling_mode_cls_token: false, pooling_mode_mean_tokens: true }],
    ['cls', { pooling_mode: 'cls' }],
  ] as const)('choose what is pooled: %s', async (wanted, config) => {
    await modules('Transformer', 'Pooling')
    await pooling(config)
    expect(await embedding(folder)).toEqual(await embedding(bert, { pooling: wanted }))
  })

  it('give way to a pooling that is asked for, and change the hash', async () => {
    const hash = await hashFolder(folder)
    await modules('Transformer', 'Pooling')
    await pooling({ pooling_mode_cls_token: true })
    expect(await embedding(folder, { pooling: 'mean' })).toEqual(await embedding(bert))
    expect(await hashFolder(folder)).not.toBe(hash)
  })

  it('scale embeddings to length 1', async () => {
    await modules('Transformer', 'Pooling', 'Normalize')
    const [raw, scaled] = [await embedding(bert), await embedding(folder)]
    expect(Math.hypot(...raw)).toBeGreaterThan(1.01)
    expect(Math.hypot(...scaled)).toBeCloseTo(1, 6)
    expect(scaled[3]! / scaled[5]!).toBeCloseTo(raw[3]! / raw[5]!, 4)
  })

  it.each<[string, () => Promise<void>, RegExp]>([
    [
      'a layer that is not built',
      () => modules('Transformer', 'Pooling', 'Dense'),
      /out of Transformer, Pooling, Normalize in .*modules\.json, got `Dense`/,
    ],
    ['no JSON', () => writeFile(join(folder, 'modules.json'), '['), /modules\.json to be JSON/],
    ['no list', () => writeFile(join(folder, 'modules.json'), '{}'), /modules\.json to hold a list of modules/],
    [
      'no type',
      () => writeFile(join(folder, 'modules.json'), '[{"path":""}]'),
      /`type` and `path` of each module in .*, got \{"path":""\}/,
    ],
    [
      'a path out of the folder',
      () => writeFile(join(folder, 'modules.json'), '[{"type":"a.Pooling","path":"../x"}]'),
      /`type` and `path`/,
    ],
  ])('are refused with %s', async (_, write, message) => {
    await write()
    await expect(loadEncoder(folder, { pooling: 'mean' })).rejects.toThrow(message)
  })

  it.each([
    [{ pooling_mode_max_tokens: true }, /got `pooling_mode_max_tokens`; choose one of the two/],
    [
      { pooling_mode_cls_token: true, pooling_mode_mean_tokens: true },
      /got `pooling_mode_cls_token`, `pooling_mode_mean_tokens`/,
    ],
    [{}, /of `mean` or `cls` in .*config\.json, got none/],
  ])('are refused with a pooling that is not built unless one is asked for: %j', async (config, message) => {
    await modules('Transformer', 'Pooling')
    await pooling(config)
    await expect(loadEncoder(folder)).rejects.toThrow(message)
    expect(await embedding(folder, { pooling: 'mean' })).toEqual(await embedding(bert))
  })
})
