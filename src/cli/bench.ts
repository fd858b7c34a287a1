import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os'
import { Command } from 'commander'
import * as z from 'zod'
import { generateOptions } from '../../pipelines/generate.js'
import { decoderByName, decoders } from '../../pipelines/registry.js'
import { InputError, OptionError } from '../core/errors.js'
import type { Prompt } from '../core/types.js'
import { version } from '../core/version.js'
import { fromFile } from '../io/fromFile.js'
import { checkInput } from '../io/prompts/readRecords.js'
import type { PairSizes } from '../models/checkpoint/writeRandomPair.js'
import { type WeightDtype, weightDtypes } from '../models/graph/quantize.js'
import { loadModels } from '../models/loadModels.js'
import { type Baseline, startBaseline } from './benchBaseline.js'
import { compare } from './benchCompare.js'
import { figuresOf } from './benchFigures.js'
import { make, sizesOf } from './benchMake.js'
import { record, runLog } from './benchRecording.js'
import { type BenchSetting, settingText } from './benchReport.js'
import { embedded } from './embedded.js'
import { list, type NamedPath, namedPath, number, oneOf, text } from './flags.js'
import { limited } from './limited.js'
import { type Terminal, writeLine } from './terminal.js'

type Flags = Readonly<{
  prompts?: string
  lm?: string
  reward?: NamedPath
  decoder: readonly string[]
  concurrency: readonly number[]
  dtype: WeightDtype
  maxNewTokens: number
  limit?: number
  threads?: number
  baseline?: string
  make?: PairSizes
  out: string
  json?: boolean
}>

const { maxNewTokens, concurrency } = generateOptions.shape
const count = z.int().min(1).describe('an integer >= 1')
const WARM_UP_TOKENS = 4

/** `rxargs bench`: how fast a pair of models decodes here. */
export const benchCommand = (terminal: Terminal): Command =>
  new Command('bench')
    .description('measure how fast prompts are decoded: tokens/s, latency, batches, where the time goes')
    .option('--prompts <file>', 'JSONL or Parquet file with prompts, each decoded once a setting', text('prompts'))
    .option('--lm <folder>', 'language model (default: the embedded chat-lm)', text('lm'))
    .option('--reward <[name=]folder>', 'reward model (default: the embedded chat-rm)', namedPath)
    .option(
      '--decoder <names>',
      `one or several, with commas: ${Object.keys(decoders).join(', ')}`,
      list(oneOf('decoder', Object.keys(decoders))),
      ['args', 'greedy'],
    )
    .option(
      '--concurrency <numbers>',
      'prompts at the same time, one or several, with commas',
      list(number('concurrency', concurrency)),
      [1, 8, 32],
    )
    .option(
      '--max-new-tokens <number>',
      'tokens of a reply at most',
      number('max-new-tokens', maxNewTokens),
      maxNewTokens.parse(undefined),
    )
    .option('--dtype <name>', `what weights are computed with: ${weightDtypes.join(', ')}`, oneOf('dtype', weightDtypes), 'fp32')
    .option('--limit <number>', 'only so many prompts', number('limit', count))
    .option('--threads <number>', 'threads a model computes with (default: all cores)', number('threads', count))
    .option(
      '--baseline <command>',
      'another program to measure in turn with each setting of args and greedy, such as test/reference/args_baseline.py',
      text('baseline'),
    )
    .option('--make <sizes>', 'write a random pair and prompts instead: d=768,layers=12,heads=12,ffn=2048,vocab=32000', sizesOf)
    .option('--out <folder>', 'where --make writes', text('out'), 'out/bench')
    .option('--json', 'print JSON: the machine, and each setting')
    .action((flags: Flags) => run(flags, terminal))

async function run(flags: Flags, terminal: Terminal): Promise<void> {
  if (flags.make) return writeLine(terminal.stdout, await make(flags.out, flags.make))
  if (flags.prompts === undefined) throw new OptionError('Expected `--prompts`, a file with prompts to decode, got nothing')
  return measure({ ...flags, prompts: flags.prompts }, terminal)
}

async function measure(flags: Flags & Readonly<{ prompts: string }>, { stdout, stderr, stdin, signal }: Terminal): Promise<void> {
  await checkInput(flags.prompts)
  const prompts: Prompt[] = []
  for await (const prompt of limited(fromFile(flags.prompts, { template: 'auto', stdin }), flags.limit)) prompts.push(prompt)
  if (prompts.length === 0) throw new InputError(`Expected prompts in ${flags.prompts}, got none`)
  const log = runLog()
  const folders = { lm: flags.lm ?? embedded('chat-lm'), reward: flags.reward ?? { path: embedded('chat-rm') } }
  const models = await loadModels({
    ...folders,
    onRun: log.add,
    dtype: flags.dtype,
    onNotice: (notice) => stderr.write(`${notice}\n`),
    ...(flags.threads !== undefined && { threads: flags.threads }),
  })
  const settings: BenchSetting[] = []
  let baseline: Baseline | undefined
  try {
    if (flags.baseline !== undefined) baseline = startBaseline(flags.baseline)
    for (const name of flags.decoder) {
      const decoder = decoderByName(name)
      const fixed = { maxNewTokens: flags.maxNewTokens, seed: 0, signal }
      for (const concurrency of flags.concurrency) {
        // As in the middle of a long run: the memory that so many prompts need has been touched.
        const warmUp = { ...fixed, concurrency, maxNewTokens: Math.min(flags.maxNewTokens, WARM_UP_TOKENS) }
        await record(prompts.slice(0, concurrency), decoder, models, log, warmUp)
        stderr.write(`${name}, ${concurrency} at once: ${prompts.length} prompts\n`)
        const recording = await record(prompts, decoder, models, log, { ...fixed, concurrency })
        const figures = figuresOf(recording)
        const setting = { decoder: name, concurrency, prompts: prompts.length, cost_over_greedy: null, ...figures }
        const task = { lm: folders.lm, reward: folders.reward.path, concurrency, maxNewTokens: flags.maxNewTokens }
        const compared = baseline && (await compare(baseline, { ...task, decoder: name, models }, recording))
        settings.push({ ...setting, baseline: compared ?? null })
      }
    }
  } finally {
    baseline?.close()
    await models.close()
  }
  const compared = withCosts(settings)
  const machine = { ...machineOf(), dtype: flags.dtype, threads: flags.threads ?? availableParallelism() }
  if (flags.json) return writeLine(stdout, JSON.stringify({ machine, settings: compared }, null, 1))
  await writeLine(
    stdout,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memory_gib} GiB; Node ${machine.node}; rxargs ${version}`,
  )
  for (const setting of compared) await writeLine(stdout, `\n${settingText(setting)}`)
}

function withCosts(settings: readonly BenchSetting[]): BenchSetting[] {
  const perToken = ({ seconds, completion_tokens: tokens }: BenchSetting) => seconds / Math.max(1, tokens)
  return settings.map((setting) => {
    const plain = settings.find(({ decoder, concurrency }) => decoder === 'greedy' && concurrency === setting.concurrency)
    const isSelf = setting.decoder === 'greedy'
    return plain && !isSelf ? { ...setting, cost_over_greedy: perToken(setting) / perToken(plain) } : setting
  })
}

const machineOf = () => ({
  cpu: cpus()[0]?.model.trim() || 'an unnamed CPU',
  cores: availableParallelism(),
  memory_gib: Math.round(totalmem() / 2 ** 30),
  platform: `${platform()}-${arch()}`,
  node: process.versions.node,
  version,
})
