import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { OptionError } from '../../../src/core/errors.js'
import { hubCacheFolder, hubSettings } from '../../../src/models/hub/hubSettings.js'
import { parseRepository, repositoryOf } from '../../../src/models/hub/repository.js'
import { modelFolder, modelName } from '../../../src/models/modelFolder.js'

const [first, second] = ['a'.repeat(40), 'b'.repeat(40)]
let cache: string
let environment: Record<string, string>
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'rxargs-cache-'))
  environment = { HF_HUB_CACHE: cache }
  for (const name of ['models--org--name', 'models--gpt2']) {
    for (const commit of [first, second]) await mkdir(join(cache, name, 'snapshots', commit), { recursive: true })
    await mkdir(join(cache, name, 'refs', 'pr'), { recursive: true })
    await writeFile(join(cache, name, 'refs', 'main'), first)
    await writeFile(join(cache, name, 'refs', 'pr', '1'), second)
  }
})
afterEach(() => rm(cache, { recursive: true, force: true }))

describe('modelFolder', () => {
  it('refuses an address, and hides the key in it', async () => {
    await expect(modelFolder('http://127.0.0.1:9/v1?key=hidden', environment)).rejects.toThrow(
      'Expected a model folder, got the address http://127.0.0.1:9/v1?…: a server cannot be this model',
    )
  })

  it.each([
    ['org/name', 'models--org--name', first],
    ['org/name@main', 'models--org--name', first],
    ['org/name@pr/1', 'models--org--name', second],
    [`org/name@${second}`, 'models--org--name', second],
    ['gpt2', 'models--gpt2', first],
  ])('finds %s in the cache', async (given, name, commit) => {
    expect(await modelFolder(given, environment)).toBe(join(cache, name, 'snapshots', commit))
  })

  it('finds a GGUF file of a model in the cache, and an adapter with its base', async () => {
    const snapshot = join(cache, 'models--org--name', 'snapshots', first)
    expect(await modelFolder('org/name:model-Q4_1.gguf', environment)).toBe(join(snapshot, 'model-Q4_1.gguf'))
    expect(await modelFolder(`org/name@${second}:a.gguf`, environment)).toBe(join(snapshot.replace(first, second), 'a.gguf'))
    expect(modelName('org/name:model-Q4_1.gguf')).toBe('model-Q4_1')
    const adapter = join(cache, 'lo+ra')
    await mkdir(adapter)
    await writeFile(join(adapter, 'adapter_config.json'), '{}')
    expect(await modelFolder(adapter, environment)).toBe(adapter)
    expect(await modelFolder(`org/name:a.gguf+${adapter}`, environment)).toBe(`${join(snapshot, 'a.gguf')}+${adapter}`)
    expect(await modelFolder(`gpt2+${adapter}`, environment)).toBe(
      `${join(cache, 'models--gpt2', 'snapshots', first)}+${adapter}`,
    )
  })

  it('prefers an existing folder to one in the cache', async () => {
    await mkdir(join(cache, 'models--src--models', 'snapshots', first), { recursive: true })
    expect(await modelFolder('src/models', environment)).toBe(resolve('src/models'))
    expect(await modelFolder(cache, environment)).toBe(cache)
  })

  it.each(['org/other', 'org/name@v9', `org/name@${'c'.repeat(40)}`])(
    'says how to fetch %s, which is not there',
    async (given) => {
      await expect(modelFolder(given, environment)).rejects.toThrow(
        `Expected a model folder at ${given}, found nothing there nor in ${cache}; \`rxargs pull ${given}\` fetches it from the hub`,
      )
    },
  )

  it.each(['./org/other', '/org/other', '../other', 'a/b/c', 'nothing', 'org--x/name'])(
    'leaves the path %s as it is',
    async (given) => {
      expect(await modelFolder(given, environment)).toBe(resolve(given))
    },
  )

  it('names a model by the last part of its path', () => {
    expect(['org/name@v2', 'org/name', './a/b/', '/x/rm.v1'].map(modelName)).toEqual(['name', 'name', 'b', 'rm.v1'])
  })
})

describe('a model on the hub', () => {
  it.each([
    '',
    'a/b/c',
    '../x',
    'org/',
    '/name',
    'org/na me',
    'org/name@',
    'org/name@../x',
    'org/name@a//b',
    'org/..',
    'o/n@.git',
  ])('is not %j', (given) => {
    expect(parseRepository(given)).toBeUndefined()
    expect(() => repositoryOf(given)).toThrow(
      new OptionError(`Expected a model as ORG/NAME or ORG/NAME@REVISION, got \`${given}\``),
    )
  })
})

describe('the settings of the hub', () => {
  it.each([
    [{ HF_HUB_CACHE: '/a', HF_HOME: '/b' }, '/a'],
    [{ HUGGINGFACE_HUB_CACHE: '/a', HF_HOME: '/b' }, '/a'],
    [{ HF_HOME: '/b', XDG_CACHE_HOME: '/c' }, join('/b', 'hub')],
    [{ XDG_CACHE_HOME: '/c' }, join('/c', 'huggingface', 'hub')],
  ])('keep models where the Python tools do: %j', (variables, folder) => expect(hubCacheFolder(variables)).toBe(folder))

  it('read the token from the environment or a login', async () => {
    const home = { HF_HOME: cache }
    expect((await hubSettings(home)).token).toBeUndefined()
    await writeFile(join(cache, 'token'), 'hf_login\n')
    expect((await hubSettings(home)).token).toBe('hf_login')
    expect((await hubSettings({ ...home, HF_TOKEN: 'hf_given' })).token).toBe('hf_given')
  })

  it('read the address, and refuse the network if the environment forbids it', async () => {
    expect((await hubSettings({ HF_HOME: cache })).endpoint).toBe('https://huggingface.co')
    expect((await hubSettings({ HF_HOME: cache, HF_ENDPOINT: 'http://mirror/x/' })).endpoint).toBe('http://mirror/x')
    await expect(hubSettings({ HF_ENDPOINT: 'mirror' })).rejects.toThrow(
      /Expected `HF_ENDPOINT` to be an address .* got `mirror`/,
    )
    await expect(hubSettings({ HF_HUB_OFFLINE: '1' })).rejects.toThrow(/`HF_HUB_OFFLINE` is 1, so downloads are off/)
  })
})
