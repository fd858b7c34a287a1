import { join } from 'node:path'
import { Command } from 'commander'
import { ModelError, messageOf, TemplateError } from '../core/errors.js'
import { bodyNames } from '../models/checkpoint/bodyNames.js'
import { checkFolder } from '../models/checkpoint/checkFolder.js'
import { type ModelConfig, readConfig } from '../models/checkpoint/config.js'
import { encoderOf } from '../models/checkpoint/encoderConfig.js'
import { readGenerationConfig } from '../models/checkpoint/generationConfig.js'
import { checkVocabulary } from '../models/checkpoint/loadCheckpoint.js'
import { loadCodec } from '../models/checkpoint/loadCodec.js'
import { readJson, readOptionalJson } from '../models/checkpoint/readJson.js'
import { readSafetensors } from '../models/checkpoint/safetensors.js'
import { modelFolder } from '../models/modelFolder.js'
import { describeHeads } from './describeHeads.js'
import { bytes, count, positionsOf, sizeOf, windowOf } from './describeModel.js'
import { inspectEncoder } from './inspectEncoder.js'
import { type Terminal, writeLine } from './terminal.js'

/** `rxargs inspect`: what a model folder holds, and whether it can be used. */
export const inspectCommand = ({ stdout, signal }: Terminal): Command =>
  new Command('inspect')
    .description('what a model folder holds, and what of it is not supported')
    .argument('<model>', 'folder with config.json, *.safetensors and tokenizer.json, or ORG/NAME that was pulled')
    .action(async (path: string) => {
      const { lines, problems } = await inspected(await modelFolder(path))
      for (const [name, value] of lines) await writeLine(stdout, `${name.padEnd(14)}${value}`, signal)
      for (const problem of problems) await writeLine(stdout, `${'unsupported'.padEnd(14)}${problem}`, signal)
      if (problems.length > 0) throw new ModelError(`${path} cannot be used: ${problems[0]}`)
    })

type Lines = readonly (readonly [name: string, value: string])[]
type Found = { lines: Lines; problems: readonly string[] }

/** Looks at each part by itself, so that one problem does not hide the others. */
async function inspected(folder: string): Promise<Found> {
  await checkFolder(folder)
  const problems: string[] = []
  const attempt = async <T>(read: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      if (!problems.includes(messageOf(error))) problems.push(messageOf(error))
      return undefined
    }
  }
  const file = join(folder, 'config.json')
  const json = await attempt(() => readJson(file))
  if (json && encoderOf(json)) {
    const lines = await attempt(() => inspectEncoder(folder, String((json.architectures as readonly unknown[])[0])))
    return { lines: lines ?? [['folder', folder]], problems }
  }
  const config = json && (await attempt(() => readConfig(json, file)))
  const tensors = await attempt(async () => bodyNames(await readSafetensors(folder)))
  const described = config && tensors && (await attempt(() => describeHeads({ config, tensors, folder })))
  const codec = await attempt(() => loadCodec(folder))
  if (config && codec) await attempt(() => checkVocabulary(folder, config, codec))
  const ends = config && json && (await attempt(() => endsOf(folder, json, config)))
  const size = config && tensors && sizeOf(config, tensors)
  const architecture = Array.isArray(json?.architectures) ? json.architectures.join(', ') : undefined
  const found: (readonly [string, string | undefined])[] = [
    ['folder', folder],
    ['family', config ? `${[config.family, ...(described ? [described.role] : [])].join(', ')} (${architecture})` : architecture],
    ['heads', described?.heads],
    [
      'layers',
      config && `${config.layers} of width ${config.hiddenSize}, ${config.heads} heads, ${config.kvHeads} of keys and values`,
    ],
    ['parameters', size && `${count(size.parameters)} (${size.parameters})`],
    ['dtype', size && `${size.dtypes.join(', ')}, computed as F32`],
    ['positions', config && positionsOf(config)],
    ['window', config && windowOf(config)],
    ['context', config && `${config.contextLength} tokens`],
    ['vocabulary', config && `${config.vocabSize}${codec ? `, ${codec.vocabSize} of them with text` : ''}`],
    ['template', codec && templateOf(() => codec.render([{ role: 'user', content: 'Hello' }]))],
    ['end tokens', ends],
    ['memory', size && `${bytes(size.weightBytes)} of weights, ${bytes(size.cacheBytes)} a token of cache`],
    ['unused', described?.unusedTensors.length ? described.unusedTensors.join(', ') : undefined],
  ]
  return { lines: found.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])), problems }
}

function templateOf(render: () => string): string {
  try {
    return `a user's "Hello" becomes ${JSON.stringify(render())}`
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    return error.message.includes('found none') ? 'none: plain prompts only' : messageOf(error)
  }
}

async function endsOf(folder: string, json: Readonly<Record<string, unknown>>, config: ModelConfig): Promise<string> {
  const file = join(folder, 'generation_config.json')
  const generation = await readOptionalJson(file)
  const from = { json, file: join(folder, 'config.json') }
  const { endTokenIds, stopStrings } = readGenerationConfig(from, generation && { json: generation, file }, config.vocabSize)
  const ids = endTokenIds.length > 0 ? endTokenIds.join(', ') : 'none: replies end by their length'
  return stopStrings.length > 0 ? `${ids}; stop strings ${stopStrings.map((stop) => JSON.stringify(stop)).join(', ')}` : ids
}
