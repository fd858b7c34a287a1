import { join } from 'node:path'
import { Command } from 'commander'
import { generateOptions } from '../../../pipelines/run/generate.js'
import { ModelError, messageOf, OptionError } from '../../core/errors.js'
import { splitAdapter } from '../../models/checkpoint/adapter/adapterPath.js'
import { checkFolder } from '../../models/checkpoint/checkFolder.js'
import { type ModelConfig, readConfig } from '../../models/checkpoint/families/config.js'
import { encoderOf } from '../../models/checkpoint/families/encoderConfig.js'
import { type JsonFile, readGenerationConfig } from '../../models/checkpoint/generationConfig.js'
import { isGguf } from '../../models/checkpoint/gguf/readGguf.js'
import { readSource } from '../../models/checkpoint/loadCheckpoint.js'
import { readJson, readOptionalJson } from '../../models/checkpoint/readJson.js'
import { fitVocabulary } from '../../models/checkpoint/tokenizer/fitVocabulary.js'
import { loadCodec } from '../../models/checkpoint/tokenizer/loadCodec.js'
import { readTokenizerFiles } from '../../models/checkpoint/tokenizer/tokenizerFiles.js'
import { otherFiles } from '../../models/checkpoint/unread/otherFiles.js'
import { refuseAdapter } from '../../models/checkpoint/unread/refuseAdapter.js'
import { bodyNames } from '../../models/checkpoint/weights/bodyNames.js'
import { readSafetensors } from '../../models/checkpoint/weights/safetensors.js'
import { type WeightDtype, weightDtypes } from '../../models/graph/quantize.js'
import { cacheFolder } from '../../models/keptFiles.js'
import { modelFolder } from '../../models/modelFolder.js'
import { findOnnx } from '../../models/onnx/findOnnx.js'
import { weightCacheSize } from '../../models/weightCache.js'
import { DTYPE_HELP } from '../flags/engineFlags.js'
import { number, oneOf } from '../flags/flags.js'
import { lengthFlags } from '../flags/lengthFlags.js'
import { batchBytes, bytes, count, type ModelSize, PROGRAM_BYTES, positionsOf, sizeOf, windowOf } from '../print/describeModel.js'
import { type Terminal, writeLine } from '../terminal.js'
import { describeHeads } from './describeHeads.js'
import { inspectDevices } from './devices.js'
import { inspectEncoder } from './encoder.js'
import type { InspectedLine } from './line.js'
import { inspectOnnx } from './onnx.js'
import { inspectTokenizer } from './tokenizer.js'

type Memory = Readonly<{ concurrency: number; maxNewTokens: number; maxPromptTokens?: number }>
type Flags = Memory & Readonly<{ dtype: WeightDtype; devices?: boolean; json?: boolean }>

const defaults = generateOptions.parse({})
const { concurrency } = generateOptions.shape

/** `rxargs inspect` shows the contents of a model folder and whether it can be used. */
export const inspectCommand = ({ stdout, signal }: Terminal): Command =>
  lengthFlags(
    new Command('inspect')
      .description('show the contents of a model folder, the memory it needs, and what is not supported')
      .argument(
        '[model]',
        'folder with config.json, tokenizer.json and *.safetensors or *.onnx, a single *.onnx, or a pulled ORG/NAME',
      )
      .option('--dtype <name>', DTYPE_HELP, oneOf('dtype', weightDtypes), 'fp32')
      .option(
        '--concurrency <number>',
        'sequences in memory at the same time',
        number('concurrency', concurrency),
        defaults.concurrency,
      ),
  )
    .option('--devices', 'instead of a model, list the values of --device on this machine')
    .option('--json', 'print JSON')
    .action(async (path: string | undefined, flags: Flags, command: Command) => {
      if (flags.devices) {
        const other = command.options.find((option) => {
          const name = option.attributeName()
          return name !== 'devices' && name !== 'json' && command.getOptionValueSource(name) === 'cli'
        })
        const beside = path ?? other?.long
        if (beside !== undefined) throw new OptionError(`Expected nothing beside \`--devices\` but \`--json\`, got \`${beside}\``)
        return inspectDevices(flags, { stdout, signal })
      }
      if (path === undefined) throw new OptionError('Expected a model to inspect, or `--devices`, got nothing')
      const onnx = await findOnnx(path, flags.dtype)
      const { lines, problems, config } = onnx ? await inspectOnnx(onnx) : await inspectFolder(await modelFolder(path), flags)
      if (flags.json) {
        const data = Object.fromEntries(
          lines.map(([name, text, value]) => [name.replaceAll(' ', '_'), value === undefined ? text : value]),
        )
        await writeLine(stdout, JSON.stringify({ ...data, config: toSnakeCase(config ?? null), problems }, null, 1), signal)
      } else {
        for (const [name, text] of lines) await writeLine(stdout, `${name.padEnd(14)}${text}`, signal)
        for (const problem of problems) await writeLine(stdout, `${'unsupported'.padEnd(14)}${problem}`, signal)
      }
      if (problems.length > 0) throw new ModelError(`${path} cannot be used: ${problems[0]}`)
    })

/** Renames the fields of a config as in config.json. */
function toSnakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toSnakeCase)
  if (typeof value !== 'object' || value === null) return value
  const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [snake(name), toSnakeCase(inner)]))
}

type Found = Readonly<{ lines: readonly InspectedLine[]; problems: readonly string[]; config?: ModelConfig }>

/** Inspects each part on its own, so that one problem does not hide the others. */
async function inspectFolder(folder: string, { dtype, ...run }: Flags): Promise<Found> {
  const isWhole = isGguf(folder) || (await splitAdapter(folder)) !== undefined
  if (!isWhole) {
    await checkFolder(folder)
    await refuseAdapter(folder)
  }
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
  // A GGUF file, and an adapter with its base, are read in one piece.
  const source = isWhole ? await attempt(() => readSource(folder)) : undefined
  const file = source?.file ?? join(folder, 'config.json')
  const json = isWhole ? source?.json : await attempt(() => readJson(file))
  if (json && encoderOf(json)) {
    const lines = await attempt(() => inspectEncoder(folder, String((json.architectures as readonly unknown[])[0])))
    return { lines: lines ?? [['folder', folder]], problems }
  }
  const config = json && (await attempt(() => readConfig(json, file)))
  const stored = isWhole ? source?.tensors : await attempt(() => readSafetensors(folder))
  const tensors = stored && bodyNames(stored)
  const others = isWhole ? source?.others : stored && (await attempt(() => otherFiles(folder, stored)))
  const described =
    config && tensors && others && (await attempt(() => describeHeads({ config, tensors, others, folder, dtype })))
  const read = await attempt(() => loadCodec(folder))
  const fitting = read && config && (await attempt(() => fitVocabulary(folder, config.vocabSize, read)))
  const codec = fitting ?? read
  const ends =
    config &&
    json &&
    (await attempt(async () => endsOf({ json, file }, config, source ? source.generationConfig : await generationOf(folder))))
  const size = config && tensors && sizeOf(config, tensors, described?.inMemory)
  const architecture = Array.isArray(json?.architectures) ? json.architectures.join(', ') : undefined
  const lines: InspectedLine[] = [
    ['folder', folder],
    [
      'family',
      config ? `${[config.family, ...(described ? [described.role] : [])].join(', ')} (${architecture})` : architecture,
      config?.family,
    ],
    ['heads', described?.heads],
    ['no reward', described?.noReward],
    [
      'layers',
      config && `${config.layers} of width ${config.hiddenSize}, ${config.heads} heads, ${config.kvHeads} of keys and values`,
      config?.layers,
    ],
    ['parameters', size && `${count(size.parameters ?? 0)} (${size.parameters})`, size?.parameters],
    ['dtype', size && `${size.dtypes.join(', ')}, computed as ${dtype === 'fp16' ? 'fp32' : dtype}`, size?.dtypes],
    ['positions', config && positionsOf(config)],
    ['window', config && windowOf(config)],
    ['context', config && `${config.contextLength} tokens`, config?.contextLength],
    ['vocabulary', config && `${config.vocabSize}${codec ? `, ${codec.vocabSize} of them with text` : ''}`, config?.vocabSize],
    ...(codec ? inspectTokenizer(codec, await readTokenizerFiles(folder)) : []),
    ...(ends ? [ends] : []),
    ...(config && described && size ? [memoryOf(config, size, run)] : []),
    ...(await cacheLine()),
    ['unused', described?.unused.length ? described.unused.join(', ') : undefined, described?.unused],
  ]
  return { lines: lines.filter(([, text]) => text !== undefined), problems, config }
}

/** Memory that the program needs at most to decode with a model, and its parts. */
function memoryOf(
  { contextLength }: ModelConfig,
  size: ModelSize,
  { concurrency: sequences, maxNewTokens: more, maxPromptTokens = Number.POSITIVE_INFINITY }: Memory,
): InspectedLine {
  const { weightBytes, loadBytes, cacheBytes, positionBytes } = size
  const tokens = Math.min(contextLength, maxPromptTokens + more)
  const cache = cacheBytes * tokens * sequences
  const [positions, batch] = [positionBytes(tokens), batchBytes(size, sequences)]
  const total = weightBytes + loadBytes + cache + positions + batch + PROGRAM_BYTES
  const parts = [
    `${bytes(weightBytes)} of weights`,
    ...(loadBytes > 0 ? [`${bytes(loadBytes)} more while they load`] : []),
    `${bytes(cacheBytes)} of cache per token: ${bytes(cache)} for ${sequences} sequences of up to ${tokens} tokens`,
    ...(positions > 0 ? [`${bytes(positions)} of rotary tables`] : []),
    `${bytes(batch)} for a batch`,
    `${bytes(PROGRAM_BYTES)} for the program`,
  ]
  return [
    'memory',
    `about ${bytes(total)} at most: ${parts.join(', ')}`,
    {
      weights_bytes: weightBytes,
      load_bytes: loadBytes,
      cache_bytes_a_token: cacheBytes,
      sequences,
      tokens_a_sequence: tokens,
      cache_bytes: cache,
      position_bytes: positions,
      batch_bytes: batch,
      program_bytes: PROGRAM_BYTES,
      total_bytes: total,
    },
  ]
}

/** Says how much the cache of rounded weights holds, of all models together. */
async function cacheLine(): Promise<InspectedLine[]> {
  const folder = cacheFolder('weights')
  const size = await weightCacheSize(folder)
  if (size.entries === 0) return []
  const models = `${size.entries} ${size.entries === 1 ? 'model' : 'models'}`
  return [['cache', `${models}, ${bytes(size.bytes)} in ${folder}, which you can delete`, { folder, ...size }]]
}

async function generationOf(folder: string): Promise<JsonFile | undefined> {
  const file = join(folder, 'generation_config.json')
  const json = await readOptionalJson(file)
  return json && { json, file }
}

function endsOf(from: JsonFile, config: ModelConfig, generation: JsonFile | undefined): InspectedLine {
  const { endTokenIds, stopStrings, notices } = readGenerationConfig(from, generation, config.vocabSize)
  const ids = endTokenIds.length > 0 ? endTokenIds.join(', ') : 'none: replies end at the token limit'
  const stops = stopStrings.map((stop) => JSON.stringify(stop)).join(', ')
  const text = [ids, ...(stops ? [`stop strings ${stops}`] : []), ...notices].join('; ')
  return ['end tokens', text, { ids: endTokenIds, stop_strings: stopStrings, ...(notices.length > 0 && { notices }) }]
}
