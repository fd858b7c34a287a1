import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Command } from 'commander'
import { combineScoreOptions } from '../../../operators/combineScore.js'
import { argsOptions } from '../../../pipelines/decoders/args.js'
import { coherenceMeasure, type Measure, rewardMeasure } from '../../../pipelines/evaluation/measures.js'
import { checkpoints, comparisons, type Role, runsOf } from '../../../pipelines/evaluation/reproduction.js'
import { generateOptions } from '../../../pipelines/run/generate.js'
import { InputError, OptionError } from '../../core/errors.js'
import { checkOutput, makeFolder } from '../../io/outputFolder.js'
import { checkInput } from '../../io/prompts/openInput.js'
import { promptColumns } from '../../io/prompts/toPrompt.js'
import { hashModel } from '../../models/hashModel.js'
import { loadEncoder } from '../../models/loadEncoder.js'
import { loadReward } from '../../models/loadReward.js'
import { embeddedPath } from '../flags/embeddedPath.js'
import { list, number, text } from '../flags/flags.js'
import { startProgress } from '../print/progress.js'
import { machineOf } from '../run/machine.js'
import { type Terminal, writeLine } from '../terminal.js'
import { type Reproduced, writeReproduction } from './report.js'
import { makeRuns } from './runs.js'
import type { ReproduceFlags, Reproducing } from './settings.js'
import { comparisonTables, costOf } from './tables.js'

const { maxNewTokens, seed, concurrency, samples } = generateOptions.shape
const defaults = generateOptions.parse({})
const root = fileURLToPath(new URL('../../../../', import.meta.url))
const names = Object.keys(checkpoints).join(', ')
/** A checkout has this folder, the npm package does not. */
const made = embeddedPath('../reproduction/checkpoints')

/** `rxargs reproduce` makes the paper's tables and figures. */
export const reproduceCommand = (terminal: Terminal): Command =>
  new Command('reproduce')
    .description(
      "make the paper's tables and figures with the embedded models or your own; the same command continues an interrupted run",
    )
    .requiredOption('-o, --output <folder>', 'folder for the runs, the report and the plots', text('output'))
    .option(
      '--prompts <file>',
      'file with prompts: JSONL, JSON, CSV or Parquet',
      text('prompts'),
      embeddedPath('../prompts/sample.jsonl'),
    )
    .option('--limit <number>', 'decode at most this many prompts', number('limit', samples))
    .option(
      '--checkpoints <folder>',
      `folder with further models: ${names}; comparisons leave out missing ones`,
      text('checkpoints'),
      existsSync(made) ? made : undefined,
    )
    .option('--lm <folder>', 'fine-tuned language model', text('lm'), embeddedPath('chat-lm'))
    .option('--reward <folder>', 'reward model that guides', text('reward'), embeddedPath('chat-rm'))
    .option('--judge <folder>', 'reward model that judges, trained on other data', text('judge'), embeddedPath('judge-rm'))
    .option('--encoder <folder>', 'encoder for coherence', text('encoder'), embeddedPath('encoder'))
    .option(
      '--k <numbers>',
      'candidates per step in Figure 2, separated by commas',
      list(number('k', argsOptions.shape.k)),
      [5, 10, 20],
    )
    .option(
      '--weight <numbers>',
      'weights in Figure 2, separated by commas',
      list(number('weight', combineScoreOptions.shape.weight)),
      [0, 0.5, 1, 1.5, 2],
    )
    .option(
      '--max-new-tokens <number>',
      'maximum tokens per reply',
      number('max-new-tokens', maxNewTokens),
      defaults.maxNewTokens,
    )
    .option('--seed <number>', 'seed for all random numbers', number('seed', seed), defaults.seed)
    .option('--concurrency <number>', 'prompts at the same time', number('concurrency', concurrency), defaults.concurrency)
    .option(
      '--cost-prompts <number>',
      'prompts for the time measurement, decoded one after the other',
      number('cost-prompts', samples),
      10,
    )
    .action((flags: ReproduceFlags) => run(flags, terminal))

/** Folders by role, including the checkpoints that exist. */
async function foldersOf({ lm, reward, checkpoints: folder }: ReproduceFlags): Promise<ReadonlyMap<Role, string>> {
  const found = new Map<Role, string>([
    ['chat-lm', lm],
    ['chat-rm', reward],
  ])
  if (folder === undefined) return found
  const isFolder = (path: string) =>
    stat(path).then(
      (one) => one.isDirectory(),
      () => false,
    )
  if (!(await isFolder(folder))) throw new InputError(`Expected \`--checkpoints\` to be a folder, got ${folder}`)
  for (const role of Object.keys(checkpoints) as (keyof typeof checkpoints)[])
    if (await isFolder(join(folder, role))) found.set(role, join(folder, role))
  return found
}

/** The command that reproduces this report. */
const commandOf = (flags: ReproduceFlags): string =>
  Object.entries(flags).reduce(
    (line, [name, value]) => `${line} --${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${String(value)}`,
    'rxargs reproduce',
  )

async function run(flags: ReproduceFlags, terminal: Terminal): Promise<void> {
  const { stdout, stderr, signal } = terminal
  const folders = await foldersOf(flags)
  const judgeHash = await hashModel(flags.judge)
  for (const role of ['chat-rm', 'small-rm'] as const)
    if (folders.has(role) && (await hashModel(folders.get(role)!)) === judgeHash)
      throw new OptionError(`Expected \`--judge\` to be a model that guides no run, got the files of ${role}`)
  await checkInput(flags.prompts, promptColumns({}))
  await checkOutput(flags.output)
  const all = comparisons(new Set(folders.keys()))
  const progress = startProgress({ stream: stderr })
  const closing: (() => Promise<void>)[] = []
  try {
    for (const { title, left } of all) if (left.length > 0) progress.say(`${title}: incomplete without ${left.join(', ')}`)
    const threads = availableParallelism()
    const judge = await loadReward({ name: 'judge', path: flags.judge }, { threads, maxBatch: 64 })
    closing.push(judge.close)
    for (const notice of judge.notices) progress.say(notice)
    const encoder = await loadEncoder(flags.encoder, { onNotice: progress.say })
    closing.push(encoder.close)
    const judging = rewardMeasure(judge.source)
    const measures: Measure[] = [judging, coherenceMeasure(encoder)]
    await makeFolder(flags.output)
    const reproducing: Reproducing = { flags, folders, measures, progress, terminal }
    const swept = await makeRuns(runsOf(all), reproducing)
    signal.throwIfAborted()
    const tables = []
    for (const comparison of all) tables.push(await comparisonTables(comparison, judging, reproducing))
    const models = [...folders, ['judge', flags.judge] as const, ['encoder', flags.encoder] as const]
    const hashes = models.map(async ([role, path]) => ({ role, path, sha256: await hashModel(path) }))
    const reproduced: Reproduced = {
      ...{ command: commandOf(flags), commit: await gitCommit(), machine: machineOf(threads) },
      ...{ seed: flags.seed, models: await Promise.all(hashes) },
      ...{ tables, sweep: swept, cost: await costOf(flags) },
    }
    progress.end()
    for (const path of await writeReproduction(flags.output, reproduced)) await writeLine(stdout, path, signal)
  } finally {
    progress.end()
    for (const close of closing) await close()
  }
}

/** Short hash of the commit that is checked out at `folder`, by default rxargs' own. Undefined if `folder` is not the root of a git checkout. */
export async function gitCommit(folder = root): Promise<string | undefined> {
  // The prefix is empty at the root of a checkout. A package inside another repository must not report that one's commit.
  const output = promisify(execFile)('git', ['rev-parse', '--show-prefix', '--short', 'HEAD'], { cwd: folder, encoding: 'utf8' })
  const [prefix, hash] = await output.then(
    ({ stdout }) => stdout.split(/\r?\n/),
    () => [],
  )
  return prefix === '' && hash ? hash : undefined
}
