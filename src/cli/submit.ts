import { resolve } from 'node:path'
import { Command } from 'commander'
import { defer, ignoreElements } from 'rxjs'
import * as z from 'zod'
import { jobs } from '../../pipelines/run/jobs.js'
import { MissingModelError, ModelError, OptionError, OutputError } from '../core/errors.js'
import type { RowsOptions, Run, RunMeta } from '../core/run.js'
import { hashText } from '../core/uniform.js'
import { listParts } from '../io/parquet/partFiles.js'
import { describeMix } from '../io/parquet/sameRun.js'
import { checkInput } from '../io/prompts/openInput.js'
import { promptColumns } from '../io/prompts/toPrompt.js'
import { isS3 } from '../io/sources/s3Client.js'
import { openStore } from '../io/stores/openStore.js'
import { holdForQueue, releaseForQueue } from '../io/stores/queueHold.js'
import { strayFiles } from '../io/strayFiles.js'
import { toParquet } from '../io/toParquet.js'
import { type Connection, connect } from '../queue/connect.js'
import { cancelRun } from '../queue/controlQueue.js'
import { readRun } from '../queue/runStore.js'
import { closeRun, type Submitted, submitRun } from '../queue/submitRun.js'
import { chooseDecoder } from './flags/chooseDecoder.js'
import { number, text } from './flags/flags.js'
import { type GenerateFlags, type GivenFlags, runFlags, settingsOf } from './flags/generateFlags.js'
import { INPUT_HELP } from './flags/inputFlags.js'
import { type Progress, startProgress } from './print/progress.js'
import { flagsGiven } from './run/flagsGiven.js'
import { readPrompts, runOfPrompts } from './run/generateRun.js'
import { inputOf } from './run/inputOf.js'
import { describeRun, loadRunModels, rewardsOf } from './run/loadRun.js'
import { plainPrompts } from './run/plainPrompts.js'
import { type QueueFlag, queueFlag, queueOf } from './run/queueFlag.js'
import type { Terminal } from './terminal.js'

type SubmitFlags = GivenFlags & QueueFlag & Readonly<{ jobRows: number; priority: number }>

/** The largest number that BullMQ sorts by. */
const LAST = 2_097_152

/** Flags of `generate` for rows that are there, which have no meaning before the workers have ended. */
const LATER = { retryErrors: 'retry-errors', redoChanged: 'redo-changed' } as const
const REFUSED = new Set(['strict', ...Object.keys(LATER)])

/** `rxargs submit` puts the prompts of a run into a queue, for workers. */
export const submitCommand = (terminal: Terminal): Command => {
  const command = runFlags(new Command('submit').argument('[input]', `prompts: ${INPUT_HELP}`))
  // They are still parsed, so that `submit` can say what to do instead.
  for (const option of command.options) if (REFUSED.has(option.attributeName())) option.hideHelp()
  const given = flagsGiven(command)
  return queueFlag(command)
    .description('put the prompts of a run into a queue; the same command adds what is missing')
    .option(
      '-o, --output <folder>',
      'folder for Parquet part files, which all workers reach under this path, or s3://BUCKET/PREFIX',
      text('output'),
    )
    .option(
      '--job-rows <number>',
      'rows per job; each job makes one part file',
      number('job-rows', z.int().min(1).describe('an integer >= 1')),
      128,
    )
    .option(
      '--priority <number>',
      `runs with a smaller number are decoded first: 1 to ${LAST}`,
      number('priority', z.int().min(1).max(LAST).describe(`an integer from 1 to ${LAST}`)),
      1000,
    )
    .action(async (input: string | undefined, flags: SubmitFlags) => submit(inputOf(input, terminal), flags, given, terminal))
}

async function submit(input: string, given: SubmitFlags, args: readonly string[], terminal: Terminal): Promise<void> {
  const { signal, stderr } = terminal
  for (const [name, flag] of Object.entries(LATER))
    if (given[name as keyof typeof LATER])
      throw new OptionError(`\`--${flag}\` does not apply to a queue: run \`rxargs generate --${flag}\` on the folder afterwards`)
  if (given.strict) throw new OptionError('`--strict` does not apply to a queue: a worker writes an error row and goes on')
  if (given.output === undefined) throw new OptionError('Expected `--output`, the folder for the rows, got none')
  const address = queueOf(given)
  const flags = settingsOf(given)
  const chosen = await chooseDecoder(given)
  const place = openStore(given.output)
  const output = isS3(given.output) ? place.name : resolve(given.output)
  await checkInput(input, promptColumns(flags))
  const rewards = await rewardsOf(flags, chosen)
  await place.check()
  const connection = await connect(address)
  const progress = startProgress({ stream: stderr })
  const { say } = progress
  say(describeRun(input, flags, chosen))
  try {
    for (const notice of await strayFiles(input)) say(notice)
    // The models decide what the rows are made from, and they check the settings, so that no worker fails for them.
    const models = await loadRunModels(flags, rewards, say).catch(explainModels)
    try {
      signal.throwIfAborted()
      const prompts = plainPrompts(readPrompts(input, flags, terminal), flags, models.lm.codec, say)
      const run = runOfPrompts(prompts, flags, chosen, models, progress)
      const id = hashText(output).slice(0, 8)
      const request = { id, args: rowFlags(args), output, meta: run.meta, priority: given.priority, jobRows: given.jobRows }
      const submitted = await queueRows(connection, run, request, { flags, prompts, signal, progress })
      say(describeSubmitted(submitted, request.id, output))
    } finally {
      await models.close()
    }
  } finally {
    progress.end()
    connection.close()
  }
}

/** Says why a model that is missing must be here, though only the workers decode with it. */
function explainModels(error: unknown): never {
  if (!(error instanceof MissingModelError)) throw error
  throw new ModelError(
    `${error.message}. \`rxargs submit\` checks the models and records their SHA-256, so it runs where they are. Workers may have them elsewhere: rxargs worker --lm FOLDER --reward NAME=FOLDER`,
    { cause: error },
  )
}

/** Flags that are about the submission, and not about the rows. */
const OWN = ['--force', '--limit', '--shard', '--on-error']

/** The flags that a worker needs. */
const rowFlags = (args: readonly string[]): string[] => args.filter((arg) => !OWN.includes(arg.replace(/=.*/s, '')))

type Request = Parameters<typeof submitRun>[1]
type Queueing = Readonly<{
  flags: GenerateFlags
  prompts: Parameters<typeof jobs>[0]
  signal: AbortSignal
  progress: Progress
}>

/** Checks the folder as `generate` does, with a run that puts rows into the queue where `generate` decodes them. */
async function queueRows(
  connection: Connection,
  run: Run,
  request: Request,
  { flags, prompts, signal, progress }: Queueing,
): Promise<Submitted & Readonly<{ held: number; isDone: boolean }>> {
  const { id, output, meta } = request
  const { address } = connection
  const store = openStore(output)
  const { force, settings } = flags
  const earlier = await readRun(connection, id)
  if (force && earlier !== undefined) {
    const left = await cancelRun(connection, id)
    if (left > 0) throw new OutputError(`${left} jobs of the run ${id} are still being decoded; try again in some seconds`)
  } else if (earlier !== undefined) sameAsQueued(id, address, earlier.meta, meta)
  let submitting: Promise<Submitted> | undefined
  const add = async (done: NonNullable<RowsOptions['done']>): Promise<Submitted> => {
    await holdForQueue(store, id)
    if (force) await store.remove(await listParts(store))
    return submitRun(connection, request, {
      rows: (waits) =>
        jobs(prompts, {
          samples: settings.samples,
          done: (row) => {
            progress.skip()
            return signal.aborted || waits(row) || done(row)
          },
        }),
      refuse: ({ id: row }) => {
        throw new OutputError(
          `The queue at ${address} holds \`${row}\` of the run ${id} made from another prompt or other settings. Wait until it is done, or cancel the run: rxargs queue cancel ${id}`,
        )
      },
    })
  }
  const submission: Run = {
    ...run,
    deliveries: ({ done = () => false } = {}) =>
      defer(() => {
        submitting = add(done)
        return submitting
      }).pipe(ignoreElements()),
  }
  try {
    const { skipped } = await toParquet(output, submission, { force, queueRun: id, signal, onNotice: progress.say })
    const isDone = await closeRun(connection, id, skipped)
    if (isDone) await releaseForQueue(store, id)
    return { ...(await submitting!), held: skipped, isDone }
  } catch (error) {
    // A run that is refused leaves nothing in the queue, just as `generate` decodes nothing.
    await (await submitting?.catch(() => undefined))?.undo()
    if ((await readRun(connection, id)) === undefined) await releaseForQueue(store, id)
    throw error
  }
}

function sameAsQueued(id: string, address: string, queued: RunMeta, current: RunMeta): void {
  const meta = JSON.parse(JSON.stringify(current)) as RunMeta
  const difference = describeMix(
    { name: `the run ${id} of the queue at ${address}`, meta: queued },
    { name: 'this command', meta },
  )
  if (difference !== undefined)
    throw new OutputError(
      `The folder is the output of another run: ${difference}. Use another folder, or --force to cancel that run and replace its rows`,
    )
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

function describeSubmitted(
  { jobs: added, rows, waiting, retried, held, isDone }: Awaited<ReturnType<typeof queueRows>>,
  id: string,
  output: string,
): string {
  const parts = [
    rows > 0 ? `${counted(rows, 'row')} in ${counted(added, 'job')} added` : 'nothing to add',
    ...(waiting > 0 ? [`${counted(waiting, 'row')} in the queue already`] : []),
    ...(retried > 0 ? [`${counted(retried, 'failed job')} queued again`] : []),
    ...(held > 0 ? [`${counted(held, 'row')} there already`] : []),
    ...(isDone && held > 0 ? ['the run is done'] : []),
  ]
  return `Run ${id} into ${output}: ${parts.join(', ')}`
}
