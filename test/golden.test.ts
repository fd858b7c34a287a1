import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Models } from '../src/core/run.js'
import { loadModels } from '../src/models/loadModels.js'
import { expectGolden, type Golden, settingOf } from './goldenCases.js'

const folder = new URL('../data/golden/', import.meta.url)
const goldenFiles = readdirSync(folder, { withFileTypes: true })
  .map((entry) => new URL(entry.isDirectory() ? `${entry.name}/golden.json` : entry.name, folder))
  .filter((file) => file.pathname.endsWith('.json') && existsSync(file))

const pairs = goldenFiles.flatMap((file) => {
  const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden
  return [golden.lm, ...(golden.others ?? [])].map((lm) => [file.pathname.split('/golden/')[1]!, lm, golden, file] as const)
})

describe.each(pairs)('%s with %s', (_name, lm, golden, file) => {
  let models: Models
  beforeAll(async () => {
    const path = (name: string) => fileURLToPath(new URL(name, file))
    const { reward, label } = golden
    models = await loadModels({ lm: path(lm), reward: { path: path(reward), ...(label !== undefined && { label }) }, threads: 1 })
  })
  afterAll(() => models?.close())

  for (const setting of new Set(golden.cases.map(settingOf))) {
    it(`decodes the tokens of full passes without a cache (${setting})`, () => expectGolden(golden, setting, models))
  }
})
