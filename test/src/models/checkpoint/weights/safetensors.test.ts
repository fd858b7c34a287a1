import { mkdir, mkdtemp, open, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readSafetensors } from '../../../../../src/models/checkpoint/weights/safetensors.js'
import { conversion } from '../../../../../src/models/checkpoint/weights/weightFiles.js'
import { safetensorsBytes, type WrittenTensor, writeSafetensors } from './writeSafetensors.js'

let folder: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'rxargs-weights-')))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const write = (name: string, tensors: readonly WrittenTensor[]) => writeSafetensors(join(folder, name), tensors)
const writeIndex = (weightMap: unknown) =>
  writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: weightMap }))
const damaged = (header: string | object, dataLength = 0) =>
  writeFile(join(folder, 'model.safetensors'), safetensorsBytes(header, new Uint8Array(dataLength)))
const entry = (dtype: string, shape: readonly number[], from: number, to: number) => ({ dtype, shape, data_offsets: [from, to] })

const refused = async (message: RegExp) => {
  const error = await readSafetensors(folder).then(
    () => undefined,
    (reason: unknown) => reason as Error,
  )
  expect(error?.message).toMatch(message)
  expect(error?.name).toBe('ModelError')
  expect(error?.message).not.toMatch(/\n/)
}

describe('names', () => {
  it('are found where a tensor has one of several', async () => {
    await write('model.safetensors', [
      { name: 'body.a', dtype: 'F32', shape: [1] },
      { name: 'b', dtype: 'F32', shape: [1] },
    ])
    const { nameOf } = await readSafetensors(folder)
    expect(nameOf(['a', 'body.a'])).toBe('body.a')
    expect(nameOf(['b', 'body.b'])).toBe('b')
    const file = join(folder, 'model.safetensors')
    expect(() => nameOf(['c', 'body.c'])).toThrow(`Expected one of the tensors \`c\`, \`body.c\` in ${file}, found none`)
    expect(() => nameOf(['body.a', 'b'])).toThrow(/Expected one of .*found `body\.a`, `b`$/)
  })

  it('of masks and frequencies, which are no weights, are not among the weights', async () => {
    const buffers = [
      'h.0.attn.bias',
      'attn.masked_bias',
      'm.attention.bias',
      'm.attention.rotary_emb.inv_freq',
      'rotary_emb.inv_freq',
    ]
    const weights = ['h.0.attn.c_attn.bias', 'm.attention.dense.bias', 'attn_bias']
    await write(
      'model.safetensors',
      [...buffers, ...weights].map((name) => ({ name, dtype: 'F32', shape: [1] })),
    )
    expect([...(await readSafetensors(folder)).entries.keys()].sort()).toEqual([...weights].sort())
  })
})

describe('one file', () => {
  it('refuses what Git LFS leaves in the place of a file that it has not fetched', async () => {
    await writeFile(join(folder, 'model.safetensors'), 'version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n')
    await refused(/^Expected weights in .*model\.safetensors, got a Git LFS pointer to them; `git lfs pull` fetches them$/)
  })

  it('says where the bytes of each tensor lie', async () => {
    await write('model.safetensors', [
      { name: 'a', dtype: 'F32', shape: [2, 3], fill: 1 },
      { name: 'b', dtype: 'BF16', shape: [4], fill: 2 },
      { name: 'none', dtype: 'F16', shape: [0, 4] },
      { name: 'scalar', dtype: 'F16', shape: [], fill: 3 },
    ])
    const { entries, files } = await readSafetensors(folder)
    const file = join(folder, 'model.safetensors')
    expect(files).toEqual([file])
    expect([...entries].map(([name, { dtype, shape, length }]) => [name, dtype, shape, length])).toEqual([
      ['a', 'F32', [2, 3], 24],
      ['b', 'BF16', [4], 8],
      ['none', 'F16', [0, 4], 0],
      ['scalar', 'F16', [], 2],
    ])
    const handle = await open(file)
    for (const [name, fill] of [['a', 1] as const, ['b', 2] as const, ['scalar', 3] as const]) {
      const { begin, length } = entries.get(name)!
      const { buffer } = await handle.read(Buffer.alloc(length), 0, length, begin)
      expect([...new Set(buffer)]).toEqual([fill])
    }
    await handle.close()
  })

  it('gives a tensor of the asked shape, and says what is wrong with another', async () => {
    await write('model.safetensors', [
      { name: 'w', dtype: 'F16', shape: [2, 3] },
      { name: 'ids', dtype: 'I64', shape: [2] },
      { name: '__proto__', dtype: 'F16', shape: [1] },
    ])
    const tensors = await readSafetensors(folder)
    expect(tensors.require('w', [2, 3])).toMatchObject({ dtype: 'F16', length: 12 })
    expect(tensors.has('w')).toBe(true)
    expect(tensors.has('toString')).toBe(false)
    expect(() => tensors.require('w', [3, 2])).toThrow(/`w` in .*model\.safetensors to have shape \[3, 2\], got \[2, 3\]/)
    expect(() => tensors.require('w', [2, 3, 1])).toThrow(/\[2, 3, 1\], got \[2, 3\]/)
    expect(() => tensors.require('lm_head.weight', [5, 2])).toThrow(
      /Expected tensor `lm_head\.weight` \[5, 2\] in .*, found none/,
    )
    expect(() => tensors.require('ids', [2])).toThrow(/`ids` in .* to be one of F32, F16, BF16, got I64/)
    expect(tensors.entries.has('ids')).toBe(false)
  })

  it('does not stumble over a type that it has never heard of until that tensor is asked for', async () => {
    await damaged({ new: entry('F4', [4], 0, 2) }, 2)
    const tensors = await readSafetensors(folder)
    expect(() => tensors.require('new', [4])).toThrow(/got F4/)
  })

  it.each([
    ['an empty file', Buffer.alloc(0), /begin with an 8-byte header length, got 0 bytes/],
    [
      'a header longer than the file',
      safetensorsBytes('{"a":', new Uint8Array()).subarray(0, 10),
      /5 bytes of header .*got 2: .*truncated/,
    ],
    ['a header of 2^60 bytes', Buffer.from([0, 0, 0, 0, 0, 0, 0, 16, 123]), /at most 100000000 bytes, got 1152921504606846976/],
    ['a header that is no JSON', safetensorsBytes('not json', new Uint8Array()), /the header of .* to be JSON/],
    ['a header that is a list', safetensorsBytes('[]', new Uint8Array()), /the header of .* to hold a JSON object/],
  ])('refuses %s', async (_, bytes, message) => {
    await writeFile(join(folder, 'model.safetensors'), bytes)
    await refused(message)
  })

  it.each([
    ['data cut short', { a: entry('F32', [4], 0, 16) }, 12, /`a` to end within the 12 bytes of data .*got offset 16/],
    ['offsets that do not fit the shape', { a: entry('F16', [4], 0, 16) }, 16, /8 bytes for tensor `a` \(F16 \[4\]\).*got 16/],
    ['offsets in reverse', { a: entry('F4', [4], 16, 0) }, 16, /bytes for tensor `a`.*got -16/],
    ['tensors over each other', { a: entry('U8', [4], 0, 4), b: entry('U8', [4], 2, 6) }, 6, /not to overlap, got `b` over `a`/],
    ['bytes of no tensor', { a: entry('U8', [4], 2, 6) }, 6, /`a` .*to begin at offset 0, after the header, got 2/],
    ['bytes after the last tensor', { a: entry('U8', [4], 0, 4) }, 6, /to end with its last tensor, got 2 bytes more/],
    ['an entry without offsets', { a: { dtype: 'F32', shape: [1] } }, 4, /two `data_offsets` of tensor `a`/],
    ['a shape that is no shape', { a: entry('U8', [-1, -4], 0, 4) }, 4, /tensor `a`/],
    ['a shape beyond all bounds', { a: entry('U8', [2 ** 40, 2 ** 40], 0, 4) }, 4, /tensor `a`/],
  ])('refuses %s', async (_, header, dataLength, message) => {
    await damaged(header, dataLength)
    await refused(message)
  })
})

describe('shards', () => {
  const shards = () =>
    Promise.all([
      write('model-1.safetensors', [{ name: 'a', dtype: 'F32', shape: [1] }]),
      write('model-2.safetensors', [
        { name: 'b', dtype: 'F16', shape: [2] },
        { name: 'a', dtype: 'F16', shape: [9] },
      ]),
    ])

  it('takes each tensor from the shard that the index names', async () => {
    await shards()
    await writeIndex({ b: 'model-2.safetensors', a: 'model-1.safetensors' })
    const tensors = await readSafetensors(folder)
    expect(tensors.files).toEqual([join(folder, 'model-1.safetensors'), join(folder, 'model-2.safetensors')])
    expect(tensors.require('a', [1])).toMatchObject({ dtype: 'F32', file: join(folder, 'model-1.safetensors') })
    expect(tensors.require('b', [2])).toMatchObject({ dtype: 'F16', file: join(folder, 'model-2.safetensors') })
    expect(() => tensors.require('c', [2])).toThrow(/`c` \[2\] in .*model\.safetensors\.index\.json, found none/)
  })

  it('follows links, whose files may lie elsewhere', async () => {
    await mkdir(join(folder, 'blobs'))
    await mkdir(join(folder, 'snapshot'))
    await write(join('blobs', '0f3a'), [{ name: 'a', dtype: 'F32', shape: [1] }])
    await symlink(join('..', 'blobs', '0f3a'), join(folder, 'snapshot', 'model.safetensors'))
    const { require } = await readSafetensors(join(folder, 'snapshot'))
    expect(require('a', [1]).file).toBe(join(folder, 'blobs', '0f3a'))
  })

  it('refuses a shard that is missing, and a tensor that is not in its shard', async () => {
    await shards()
    await writeIndex({ a: 'model-3.safetensors' })
    await refused(/Expected .*model-3\.safetensors, which .*index\.json names, found no such file/)
    await writeIndex({ b: 'model-1.safetensors' })
    await refused(/Expected tensor `b` in model-1\.safetensors, where .*index\.json puts it, found none/)
  })

  it.each([
    '../model.safetensors',
    'a/../../m.safetensors',
    '..\\m.safetensors',
    '/etc/m.safetensors',
    'C:\\m.safetensors',
    'C:m.safetensors',
    '\\\\host\\share\\m.safetensors',
    'm\0.safetensors',
    '',
  ])('refuses the shard name %j, which leaves the folder', async (name) => {
    await writeIndex({ a: name })
    await refused(/stay inside its folder/)
  })

  it('refuses an index that lists no files', async () => {
    for (const map of [{}, { a: 3 }, null]) {
      await writeIndex(map)
      await refused(/`weight_map` in .*index\.json to be an object of tensor names and file names/)
    }
  })
})

describe('no safetensors', () => {
  it('says which files were expected', () =>
    refused(/Expected model\.safetensors or model\.safetensors\.index\.json in .*, found neither/))

  it.each(['pytorch_model.bin', 'reward.pt', 'pytorch_model-00001-of-00002.bin'])(
    'refuses pickled %s and says how to convert it',
    async (name) => {
      await writeFile(join(folder, name), '')
      await refused(
        new RegExp(`got only ${name}: .*can run code.*convert them with: python3 -c '.*' \\S*/model\\.safetensors \\S*/${name}$`),
      )
    },
  )

  it('converts all shards, and nothing that is no weight', async () => {
    const shards = ['pytorch_model-00001-of-00002.bin', 'pytorch_model-00002-of-00002.bin']
    for (const name of [...shards, 'pytorch_model.bin.index.json', 'training_args.bin', 'optimizer.pt'])
      await writeFile(join(folder, name), '')
    await refused(new RegExp(`/model\\.safetensors ${shards.map((name) => `\\S*/${name}`).join(' ')}$`))
  })

  it('names an index of pickled shards, though there is none to convert', async () => {
    await writeFile(join(folder, 'pytorch_model.bin.index.json'), '')
    await refused(/got only pytorch_model\.bin\.index\.json: .*refused$/)
  })

  it('quotes what a shell would not leave alone', () =>
    expect(conversion("/it's here", ['pytorch_model.bin'])).toMatch(
      / '\/it'\\''s here\/model\.safetensors' '\/it'\\''s here\/pytorch_model\.bin'$/,
    ))
})
