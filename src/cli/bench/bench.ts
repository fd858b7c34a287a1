import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import * as z from 'zod'
import { argsOptions } from '../../../pipelines/decoders/args.js'
import { decoders } from '../../../pipelines/registry/registry.js'
import { generateOptions } from '../../../pipelines/run/generate.js'
import { OptionError } from '../../core/errors.js'
import { checkOutput } from '../../io/outputFolder.js'
import { type PairSizes, pairSizes, writeRandomPair } from '../../models/checkpoint/writeRandomPair.js'
import { bestPeaks } from '../../models/peaks/peaks.js'
import { embeddedPath } from '../flags/embeddedPath.js'
import { type EngineFlags, engineFlags } from '../flags/engineFlags.js'
import { list, type NamedPath, namedPath, number, oneOf, text, withLabels } from '../flags/flags.js'
import { type LmFlags, lmFlag, serverFlags } from '../flags/lmFlag.js'
import { machineOf } from '../run/machine.js'
import { type Terminal, writeLine } from '../terminal.js'
import { startBaseline } from './baseline.js'
import { measure } from './measure.js'
import { machineText, settingText } from './report.js'
import { benchTable } from './table.js'
import { tableRows } from './tableRows.js'

type Flags = Omit<LmFlags, 'lmAdapter'> &
  EngineFlags &
  Readonly<{
    prompts?: string
    reward?: NamedPath
    rewardLabel?: string
    decoder: readonly string[]
    k: number
    weight: number
    concurrency: readonly number[]
    maxNewTokens: number
    limit?: number
    threads?: number
    baseline?: string
    make?: PairSizes
    table?: string
    out: string
    json?: boolean
  }>

const { maxNewTokens, concurrency } = generateOptions.shape
const { k, weight } = argsOptions.shape
const count = z.int().min(1).describe('an integer >= 1')

/** `rxargs bench` measures how fast a pair of models decodes here. */
export const benchCommand = (terminal: Terminal): Command =>
  engineFlags(serverFlags(new Command('bench')))
    .description('measure how fast a pair of models decodes: tokens/s, latency, batches, where the time goes')
    .option(
      '--prompts <file>',
      'file with prompts: JSONL, JSON, CSV or Parquet; each setting decodes all of them once',
      text('prompts'),
    )
    .option('--lm <folder>', 'language model, an *.onnx of it, or a server (default: the embedded chat-lm)', text('lm'))
    .option(
      '--reward <[name=]folder>',
      'reward model, or a server (NAME=http://…) (default: the embedded chat-rm)',
      namedPath('reward'),
    )
    .option('--reward-label <label>', 'label of a classifier to use as the reward, if it has several', text('reward-label'))
    .option(
      '--decoder <names>',
      `one or more, separated by commas: ${Object.keys(decoders).join(', ')}`,
      list(oneOf('decoder', Object.keys(decoders))),
      ['args', 'greedy'],
    )
    .option('--k <number>', 'candidates per step, for decoders that use the reward', number('k', k), k.parse(undefined))
    .option('--weight <number>', 'weight of the reward, for the same decoders', number('weight', weight), weight.parse(undefined))
    .option(
      '--concurrency <numbers>',
      'prompts at the same time, one or more numbers separated by commas',
      list(number('concurrency', concurrency)),
      [1, 8, 32],
    )
    .option(
      '--max-new-tokens <number>',
      'maximum tokens per reply',
      number('max-new-tokens', maxNewTokens),
      maxNewTokens.parse(undefined),
    )
    .option('--limit <number>', 'decode at most this many prompts', number('limit', count))
    .option('--threads <number>', 'threads per model (default: all cores)', number('threads', count))
    .option(
      '--baseline <command>',
      'command of another program to compare with each setting of args and greedy, such as test/reference/args_baseline.py',
      text('baseline'),
    )
    .option('--make <sizes>', 'only write a random pair and prompts: d=768,layers=12,heads=12,ffn=2048,vocab=32000', parseSizes)
    .option(
      '--table <folder>',
      'measure the pairs of data/bench instead, and write results.json, .md and .svg to this folder',
      text('table'),
    )
    .option('--out <folder>', 'folder for the pairs of --make and --table', text('out'), 'out/bench')
    .option('--json', 'print the machine and each setting as JSON')
    .action((flags: Flags) => run(flags, terminal))

async function run(flags: Flags, terminal: Terminal): Promise<void> {
  const { stdout } = terminal
  const { prompts, device, dtype, cache, threads, k: candidates, weight: given } = flags
  for (const folder of [flags.table, flags.make || flags.table !== undefined ? flags.out : undefined])
    if (folder !== undefined) await checkOutput(folder)
  if (flags.make) return writeLine(stdout, await make(flags.out, flags.make))
  if (flags.table === undefined && prompts === undefined)
    throw new OptionError('Expected `--prompts`, a file with prompts to decode, got nothing')
  const machine = { ...machineOf(threads ?? availableParallelism()), device, dtype }
  const baseline = flags.baseline === undefined ? undefined : startBaseline(flags.baseline)
  try {
    if (flags.table !== undefined)
      return await benchTable(
        tableRows,
        { machine, baseline, folder: flags.table, pairs: flags.out, device, dtype, cache },
        terminal,
      )
    const [reward] = withLabels(
      [flags.reward ?? { path: embeddedPath('chat-rm') }],
      flags.rewardLabel === undefined ? [] : [flags.rewardLabel],
    )
    const pair = { lm: lmFlag(flags), reward: reward! }
    if (baseline && (typeof pair.lm !== 'string' || 'url' in pair.reward))
      throw new OptionError('Expected models in folders beside `--baseline`, got a server')
    const options = { k: candidates, weight: given }
    const settings = await measure({ ...flags, ...pair, prompts: prompts!, limit: flags.limit, options }, baseline, terminal)
    const peaks = settings.flatMap((setting) => setting.peaks ?? [])
    const measured = peaks.length === 0 ? machine : { ...machine, ...bestPeaks(peaks) }
    if (flags.json) return await writeLine(stdout, JSON.stringify({ machine: measured, settings }, null, 1))
    await writeLine(stdout, machineText(measured))
    for (const setting of settings) await writeLine(stdout, `\n${settingText(setting)}`)
  } finally {
    baseline?.close()
  }
}

/** Parses `d=256,layers=4`, the sizes of a pair. */
function parseSizes(text: string): PairSizes {
  const pairs = text.split(',').map((each) => each.split('=').map((part) => part.trim()))
  const broken = pairs.find((pair) => pair.length !== 2 || pair.includes(''))
  if (broken) throw new OptionError(`Expected \`--make\` to be NAME=NUMBER separated by commas, got \`${broken.join('=')}\``)
  const sizes = pairSizes.safeParse(Object.fromEntries(pairs))
  if (sizes.success) return sizes.data
  const { path, message, code } = sizes.error.issues[0]!
  const names = Object.keys(pairSizes.shape).join(', ')
  const expected = code === 'unrecognized_keys' ? `only these sizes: ${names}` : `${String(path[0] ?? '')} ${message}`.trim()
  throw new OptionError(`Expected \`--make\` to have ${expected}, got \`${text}\``)
}

/** Writes a random pair and gives the command that measures it. */
async function make(folder: string, sizes: PairSizes): Promise<string> {
  await writeRandomPair(folder, sizes)
  const [lm, reward, prompts] = ['lm', 'reward', 'prompts.jsonl'].map((name) => join(folder, name))
  return `rxargs bench --lm ${lm} --reward ${reward} --prompts ${prompts}`
}
