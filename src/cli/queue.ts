import { Command } from 'commander'
import { OptionError } from '../core/errors.js'
import { didYouMean } from '../core/nearest.js'
import { openStore } from '../io/stores/openStore.js'
import { releaseForQueue } from '../io/stores/queueHold.js'
import { type Connection, connect } from '../queue/connect.js'
import { cancelRun, pauseQueue, resumeQueue, retryDead } from '../queue/controlQueue.js'
import { readRun, runIds } from '../queue/runStore.js'
import { type QueueFlag, queueFlag, queueOf } from './run/queueFlag.js'
import { type Terminal, writeLine } from './terminal.js'

const actions = ['pause', 'resume', 'cancel', 'retry'] as const
type Action = (typeof actions)[number]

function actionOf(text: string): Action {
  const action = actions.find((each) => each === text)
  if (action === undefined)
    throw new OptionError(`Expected pause, resume, cancel or retry, got \`${text}\`${didYouMean(text, actions)}`)
  return action
}

/** `rxargs queue` pauses or resumes a queue, cancels a run of it, or tries failed jobs again. */
export const queueCommand = ({ stdout, signal }: Terminal): Command =>
  queueFlag(new Command('queue'))
    .description('pause or resume a queue, cancel a run, or try failed jobs again')
    .argument(
      '<action>',
      'pause: workers take no further jobs; resume: they take jobs again; cancel: a run leaves the queue; retry: failed jobs are tried again',
      actionOf,
    )
    .argument('[run]', 'id of a run, for cancel and retry')
    .action(async (action: Action, run: string | undefined, flags: QueueFlag) => {
      const connection = await connect(queueOf(flags))
      try {
        await writeLine(stdout, await doAction(connection, action, run), signal)
      } finally {
        connection.close()
      }
    })

async function doAction(connection: Connection, action: Action, run: string | undefined): Promise<string> {
  const { address } = connection
  if (action === 'pause' || action === 'resume') {
    if (run !== undefined)
      throw new OptionError(`Expected no run beside \`${action}\`, which is for the whole queue, got \`${run}\``)
    await (action === 'pause' ? pauseQueue : resumeQueue)(connection)
    return action === 'pause'
      ? `${address} is paused: workers finish their jobs and take no others until \`rxargs queue resume\``
      : `${address} goes on`
  }
  const record = run === undefined ? undefined : await readRun(connection, run)
  if (run !== undefined && record === undefined) {
    const ids = await runIds(connection)
    throw new OptionError(`Expected a run of the queue at ${address}: ${ids.join(', ') || 'there is none'}, got \`${run}\``)
  }
  if (action === 'retry') {
    const count = await retryDead(connection, run)
    return `${count} ${count === 1 ? 'failed job is' : 'failed jobs are'} queued again`
  }
  if (record === undefined) throw new OptionError('Expected the id of a run to cancel; `rxargs status` lists them')
  const left = await cancelRun(connection, record.id)
  await releaseForQueue(openStore(record.output), record.id)
  const rest = left > 0 ? `; ${left} ${left === 1 ? 'job is' : 'jobs are'} still with workers, which will drop them` : ''
  return `Run ${record.id} is cancelled${rest}. Finished rows stay in ${record.output}`
}
