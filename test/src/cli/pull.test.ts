import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { publicPairs } from '../../../src/models/hub/publicPairs.js'
import { repositoryOf } from '../../../src/models/hub/repository.js'
import { type ServedHub, serveHub } from '../models/hub/serveHub.js'
import { jsonl, lm, pair, reward, root, rxargs } from './rxargs.js'

let folder: string
let hub: ServedHub | undefined
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-pull-'))
  vi.stubEnv('HF_HOME', folder)
  for (const name of ['HF_TOKEN', 'HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_HUB_OFFLINE']) vi.stubEnv(name, undefined)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await hub?.close()
  hub = undefined
  await rm(folder, { recursive: true, force: true })
})

async function serve(name: string, path: string): Promise<void> {
  await hub?.close()
  const names = await readdir(path)
  hub = await serveHub(
    name,
    Object.fromEntries(await Promise.all(names.map(async (file) => [file, await readFile(join(path, file))]))),
  )
  vi.stubEnv('HF_ENDPOINT', hub.endpoint)
}

describe('rxargs pull', () => {
  it('downloads models that --lm and --reward find offline', async () => {
    for (const [name, path] of [
      ['org/lm', lm],
      ['org/rm', reward],
    ] as const) {
      await serve(name, path)
      const { code, stdout, stderr } = await rxargs(['pull', name])
      expect([code, stdout.trim()]).toEqual([
        0,
        expect.stringContaining(join('hub', `models--${name.replace('/', '--')}`, 'snapshots')),
      ])
      expect(stderr).toMatch(
        /^org\/\w+ from http.*\n\d+ files, [\d.]+ kB\norg\/\w+ is in the cache: --lm org\/\w+ and --reward org\/\w+ need no network/,
      )
    }
    await hub!.close()
    hub = undefined
    const completions = async (models: readonly string[]) => {
      const args = ['generate', '-', ...models, '--max-new-tokens', '3']
      return jsonl((await rxargs(args, '{"prompt":"Hi"}\n')).stdout).map(({ token_ids: ids, reward: value }) => [ids, value])
    }
    expect(await completions(['--lm', 'org/lm', '--reward', 'org/rm'])).toEqual(await completions(pair))
    expect((await rxargs(['inspect', 'org/lm@main'])).stdout).toMatch(/family +llama/)
    const scored = await rxargs(['score', '-', '--reward', 'org/rm'], '{"prompt":"Hi","completion":" x"}\n')
    expect(jsonl(scored.stdout)).toMatchObject([{ reward: expect.any(Number), error: null }])
  })

  it.each([
    [
      ['generate', '-', '--lm', 'org/none'],
      1,
      /^rxargs: Expected a model folder at org\/none, found nothing there nor in .*rxargs pull org\/none/m,
    ],
    [['pull', 'no model'], 2, /^rxargs: Expected a model as ORG\/NAME or ORG\/NAME@REVISION, got `no model`\n$/],
    [['pull'], 2, /^rxargs: Expected a model as ORG\/NAME, or `--list` for suggestions, got nothing\n$/],
    [['pull', 'org/lm', '--list'], 2, /^rxargs: Expected nothing beside `--list`, got `org\/lm`\n$/],
    [['pull', 'org/none'], 1, /There is no model org\/none on http.*, or it needs a token: give one in HF_TOKEN\n$/],
  ])('reports a failure: %j', async (args, code, message) => {
    await serve('org/lm', lm)
    const done = await rxargs(args, '{"prompt":"Hi"}\n')
    expect([done.code, done.stdout]).toEqual([code, ''])
    expect(done.stderr).toMatch(message)
  })

  it('lists public pairs, which the page of the models describes', async () => {
    const { code, stdout } = await rxargs(['pull', '--list'])
    expect(code).toBe(0)
    const page = await readFile(`${root}src/models/README.md`, 'utf8')
    for (const { lm: name, reward: guide, ...rest } of publicPairs) {
      expect(stdout).toMatch(new RegExp(`^${name} +${guide} +${rest.size} +${rest.head}$`, 'm'))
      expect(page).toContain(`| \`${name}\` | \`${guide}\` | ${rest.size} | ${rest.head} | ${rest.licence} | ${rest.checked} |`)
      expect([repositoryOf(name).name, repositoryOf(guide).name]).toEqual([name, guide])
    }
  })
})
