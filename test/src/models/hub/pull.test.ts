import { createHash } from 'node:crypto'
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pull } from '../../../../src/models/hub/pull.js'
import { repositoryOf } from '../../../../src/models/hub/repository.js'
import { modelFolder } from '../../../../src/models/modelFolder.js'
import { COMMIT, type ServedHub, serveHub } from './serveHub.js'

const WEIGHTS = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * 7919) % 251))
const FILES: Record<string, Buffer> = {
  '.gitattributes': Buffer.from('*.safetensors filter=lfs'),
  'config.json': Buffer.from('{"model_type":"llama"}'),
  'tokenizer.json': Buffer.from('{}'),
  'README.md': Buffer.from('# A model'),
  'model.safetensors': WEIGHTS,
  'pytorch_model.bin': Buffer.alloc(2000),
  'consolidated.safetensors': Buffer.alloc(2000),
  'onnx/model.onnx': Buffer.alloc(1500, 3),
}

let folder: string
let hub: ServedHub
const served = async (files: Record<string, Buffer>) => {
  await hub?.close()
  hub = await serveHub('org/name', files)
}
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-hub-'))
  await served(FILES)
})
afterEach(async () => {
  await hub.close()
  await rm(folder, { recursive: true, force: true })
})

const settings = () => ({ endpoint: hub.endpoint, cacheFolder: folder, token: 'hf_secret' })
const pulled = (model = 'org/name', include?: string[], only?: string[]) =>
  pull(settings(), repositoryOf(model), { include, only, pause: async () => {} })
const inModel = (...path: string[]) => join(folder, 'models--org--name', ...path)
const hashOf = (content: Buffer) => createHash('sha256').update(content).digest('hex')
const blobs = () => readdir(inModel('blobs'))
const refused = async (message: RegExp, model?: string) => {
  const error = await pulled(model).then(
    () => undefined,
    (reason: unknown) => reason as Error,
  )
  expect(error?.message).toMatch(message)
  expect(error?.message).not.toContain('\n')
}

describe('pull', () => {
  it('fetches only the files that rxargs reads, into the cache of the Python tools', async () => {
    const snapshot = await pulled()
    expect(snapshot).toBe(inModel('snapshots', COMMIT))
    expect((await readdir(snapshot)).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json'])
    expect(await readlink(join(snapshot, 'model.safetensors'))).toBe(join('..', '..', 'blobs', hashOf(WEIGHTS)))
    expect((await readFile(join(snapshot, 'model.safetensors'))).equals(WEIGHTS)).toBe(true)
    expect(await readFile(inModel('refs', 'main'), 'utf8')).toBe(COMMIT)
    expect((await blobs()).filter((name) => name.endsWith('.incomplete'))).toEqual([])
  })

  it('fetches a head in its own file, pickled or not, and the config of an adapter', async () => {
    const heads = ['value_head.safetensors', 'v_head.pt', 'adapter_config.json']
    await served({
      ...FILES,
      ...Object.fromEntries(heads.map((name) => [name, Buffer.from('{}')])),
      'notes.safetensors': Buffer.alloc(9),
    })
    expect((await readdir(await pulled())).sort()).toEqual(
      [...heads, 'config.json', 'model.safetensors', 'tokenizer.json'].sort(),
    )
  })

  it('fetches an adapter', async () => {
    await served({ 'adapter_config.json': Buffer.from('{}'), 'adapter_model.safetensors': WEIGHTS, 'optimizer.pt': WEIGHTS })
    expect((await readdir(await pulled())).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
  })

  it('fetches only named files, and lists the files if one is missing', async () => {
    await served({ 'config.json': Buffer.from('{}'), 'a.gguf': WEIGHTS, 'b.gguf': WEIGHTS })
    expect(await readdir(await pulled('org/name', undefined, ['b.gguf']))).toEqual(['b.gguf'])
    await refused(
      /Expected weights as safetensors in org\/name, found only a\.gguf, b\.gguf; for a GGUF file name it: `pull org\/name a\.gguf`/,
    )
  })

  it('reports a head without a model', async () => {
    await served({ 'config.json': Buffer.from('{}'), 'value_head.safetensors': WEIGHTS })
    await refused(/Expected weights as safetensors in org\/name, found only value_head\.safetensors/)
  })

  it('sends its token to the hub, and to no other server', async () => {
    await pulled()
    expect([...hub.tokens.hub]).toEqual(['Bearer hf_secret'])
    expect([...hub.tokens.store]).toEqual([undefined])
  })

  it('fetches further files by pattern', async () => {
    const snapshot = await pulled('org/name', ['onnx/*'])
    expect((await readFile(join(snapshot, 'onnx', 'model.onnx'))).length).toBe(1500)
    expect(await readlink(join(snapshot, 'onnx', 'model.onnx'))).toMatch(/^\.\.[\\/]\.\.[\\/]\.\.[\\/]blobs/)
  })

  it('fetches nothing twice', async () => {
    await pulled()
    hub.asked.length = 0
    await pulled('org/name@v2')
    expect(hub.asked).toEqual([])
    expect(await readFile(inModel('refs', 'v2'), 'utf8')).toBe(COMMIT)
  })

  it('fetches the shards that the index names', async () => {
    const index = { weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors', c: 'model-1.safetensors' } }
    const { 'model.safetensors': _, ...others } = FILES
    const shards = { 'model-1.safetensors': WEIGHTS, 'model-2.safetensors': Buffer.alloc(1200), 'model-3.safetensors': WEIGHTS }
    await served({ ...others, ...shards, 'model.safetensors.index.json': Buffer.from(JSON.stringify(index)) })
    const names = await readdir(await pulled())
    expect(names.filter((name) => name.startsWith('model')).sort()).toEqual([
      'model-1.safetensors',
      'model-2.safetensors',
      'model.safetensors.index.json',
    ])
    await served({ ...others, 'model.safetensors.index.json': Buffer.from(JSON.stringify(index).replace('-2', '-9')) })
    await rm(inModel(), { recursive: true })
    await refused(/Expected "model-1\.safetensors", which model\.safetensors\.index\.json names, in org\/name, found none/)
  })

  it('resumes after a broken connection in the same run', async () => {
    Object.assign(hub.faults, { cutAfter: 20_000, cuts: 2 })
    await pulled()
    expect(hub.asked.filter((line) => line.includes('model.safetensors'))).toEqual([
      '/model.safetensors',
      '/model.safetensors bytes=20000-',
      '/model.safetensors bytes=40000-',
    ])
  })

  it('resumes an earlier, interrupted run', async () => {
    await mkdir(inModel('blobs'), { recursive: true })
    await writeFile(inModel('blobs', `${hashOf(WEIGHTS)}.incomplete`), WEIGHTS.subarray(0, 31_000))
    const snapshot = await pulled()
    expect(hub.asked).toContain('/model.safetensors bytes=31000-')
    expect((await readFile(join(snapshot, 'model.safetensors'))).equals(WEIGHTS)).toBe(true)
  })

  it.each([
    ['a hub that sends everything again', { ignoresRange: true }, WEIGHTS.subarray(0, 31_000)],
    ['a part of some other file', {}, Buffer.alloc(31_000, 9)],
    ['a part that is too long', {}, Buffer.alloc(60_000, 9)],
    ['a whole file that is another', {}, Buffer.alloc(50_000, 9)],
  ])('starts again after %s', async (_, faults, part) => {
    Object.assign(hub.faults, faults)
    await mkdir(inModel('blobs'), { recursive: true })
    await writeFile(inModel('blobs', `${hashOf(WEIGHTS)}.incomplete`), part)
    const snapshot = await pulled()
    expect((await readFile(join(snapshot, 'model.safetensors'))).equals(WEIGHTS)).toBe(true)
  })

  it('keeps the part of a file if its connection breaks repeatedly, and records no revision', async () => {
    Object.assign(hub.faults, { cutAfter: 0, cuts: 100 })
    await refused(/The connection (broke|ended) at 0 of 50000 bytes of model\.safetensors/)
    expect(await blobs()).toContain(`${hashOf(WEIGHTS)}.incomplete`)
    await expect(stat(inModel('refs'))).rejects.toThrow()
    await expect(modelFolder('org/name', { HF_HUB_CACHE: folder })).rejects.toThrow(/rxargs pull org\/name/)
  })

  it('removes a file that differs from the listing', async () => {
    hub.faults.sendsOther = true
    await refused(/Expected SHA-256 [0-9a-f]{64} of model\.safetensors, got [0-9a-f]{64}\. The file was removed; try again/)
    expect((await blobs()).filter((name) => name.startsWith(hashOf(WEIGHTS)))).toEqual([])
    hub.faults.sendsOther = false
    await rm(inModel(), { recursive: true })
    hub.faults.listed = (files) => files.map((file) => (file.path === 'config.json' ? { ...file, oid: 'a'.repeat(40) } : file))
    await refused(/Expected git's hash a{40} of config\.json, got [0-9a-f]{40}\. The file was removed/)
    hub.faults.listed = (files) => files.map((file) => (file.path === 'config.json' ? { ...file, size: 3 } : file))
    await refused(/Expected 3 bytes of config\.json, got more/)
  })

  it.each([
    [{ status: 401 }, /refuses the token in use for org\/name: check HF_TOKEN/],
    [
      { status: 403, code: 'GatedRepo' },
      /org\/name is gated, and the token in use may not read it: ask for access on http.*org\/name/,
    ],
    [{ status: 404, code: 'RepoNotFound' }, /There is no model org\/name on http/],
    [{ status: 404, code: 'RevisionNotFound' }, /org\/name has no revision `main` on http/],
    [{ status: 429 }, /has had too many requests: try again later/],
    [{ status: 503 }, /answers 503 for org\/name/],
  ])('reports a refusal of the hub in one line: %j', async (faults, message) => {
    Object.assign(hub.faults, faults)
    await refused(message)
    await expect(lstat(inModel())).rejects.toThrow()
  })

  it('reports what is wrong with a listing', async () => {
    const listed = (change: (file: Record<string, unknown>) => object) => {
      hub.faults.listed = (files) => files.map((file) => (file.path === 'config.json' ? { ...file, ...change(file) } : file))
    }
    listed(() => ({ path: '../../evil' }))
    await refused(/Expected file names of org\/name to stay inside its folder, got "\.\.\/\.\.\/evil"/)
    listed(() => ({ oid: '../x' }))
    await refused(/returned no valid listing of org\/name: it lists config\.json without a hash/)
    listed(() => ({ size: 2 ** 60 }))
    await refused(/Expected room for \d+ bytes in .*, got \d+\. Set HF_HOME to a folder with more room/)
    hub.faults.listed = (files) => files.filter(({ path }) => path !== 'model.safetensors')
    await refused(/Expected weights as safetensors in org\/name, found only pytorch_model\.bin, .*add `--include 'onnx\/\*'`/)
  })

  it.each([
    ['relative, without quotes', '</api/models/org/name/tree/COMMIT?cursor=2>; rel=next'],
    [
      'behind another link',
      '<http://x.test/?a=1,2>; rel="last", </api/models/org/name/tree/COMMIT?cursor=2>; title="a"; rel="next"',
    ],
  ])('reads the next page of a listing from its link, %s', async (_, link) => {
    hub.faults.link = link.replace('COMMIT', COMMIT)
    expect(await readdir(await pulled())).toContain('model.safetensors')
  })

  it.each([
    [{ link: '<http://127.0.0.1:1/next>; rel="next"' }, /its next page is on another server, http:\/\/127\.0\.0\.1:1\/next/],
    [{ link: `</api/models/org/name/tree/${COMMIT}?recursive=true>; rel="next"` }, /its page \S+ links to itself/],
    [{ info: { sha: 'main' } }, /its commit is `main`/],
    [{ info: [] }, /its commit is `undefined`/],
    [{ listed: () => [{ type: 'file', path: 'config.json', oid: 'a'.repeat(40) }] }, /it lists config\.json without a size/],
    [{ listed: () => [{ type: 'file' }] }, /it lists a file without a path/],
  ])('refuses an invalid listing: %j', async (faults, message) => {
    Object.assign(hub.faults, faults)
    await refused(message)
    await refused(/returned no valid listing of org\/name/)
    expect([...hub.tokens.hub]).toEqual(['Bearer hf_secret'])
  })

  it('reports an unreachable hub', async () => {
    await hub.close()
    await refused(/Cannot reach http:\/\/127\.0\.0\.1:\d+: ECONNREFUSED/)
  })

  it('stops at once when it is cancelled', async () => {
    const stop = new AbortController()
    Object.assign(hub.faults, { cutAfter: 10, cuts: 1 })
    const pulling = pull(settings(), repositoryOf('org/name'), {
      signal: stop.signal,
      pause: async () => stop.abort(new Error('enough')),
    })
    await expect(pulling).rejects.toThrow('enough')
  })
})
