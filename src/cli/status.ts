import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { connect } from '../queue/connect.js'
import { type QueueState, queueState, type RunState } from '../queue/queueState.js'
import { formatTable } from './print/formatTable.js'
import { seconds } from './print/progress.js'
import { type QueueFlag, queueFlag, queueOf } from './run/queueFlag.js'
import { type Terminal, writeLine } from './terminal.js'

type StatusFlags = QueueFlag & Readonly<{ watch?: boolean; json?: boolean }>

const WATCH_MS = 2_000
/** Names at most this many failed jobs. `--json` has all. */
const NAMED = 10

/** `rxargs status` shows how far the runs of a queue are. */
export const statusCommand = (terminal: Terminal): Command =>
  queueFlag(new Command('status'))
    .description('show the runs of a queue: rows, speed, time left, mean reward, workers, and failed jobs with their reasons')
    .option('--watch', `show it again every ${WATCH_MS / 1000} s until the runs are done`)
    .option('--json', 'print one line of JSON')
    .action((flags: StatusFlags) => showStatus(flags, terminal))

async function showStatus({ watch = false, json = false, ...flags }: StatusFlags, { stdout, signal }: Terminal): Promise<void> {
  const connection = await connect(queueOf(flags))
  try {
    for (;;) {
      const state = await queueState(connection)
      if (watch && !json && stdout.isTTY) stdout.write('\u001b[H\u001b[J')
      for (const line of json ? [JSON.stringify(jsonOf(state))] : describeQueue(state, connection.address))
        await writeLine(stdout, line, signal)
      if (!watch || state.runs.every(isOver)) return
      await sleep(WATCH_MS, undefined, { signal })
    }
  } finally {
    connection.close()
  }
}

/** Whether nothing of a run is left to decode. Failed jobs wait for a person. */
const isOver = ({ isWhole, jobs, jobsDone, dead }: RunState): boolean => isWhole && jobsDone + dead >= jobs

/** The state with the names of the command line. */
const jsonOf = ({ isPaused, jobs, runs, workers, dead }: QueueState) => ({
  paused: isPaused,
  jobs,
  runs: runs.map(({ submittedAt, isWhole, jobsDone, rowsDone, meanReward, secondsLeft, speed, ...run }) => ({
    ...run,
    ...{ submitted_at: new Date(submittedAt).toISOString(), submitted: isWhole, jobs_done: jobsDone, rows_done: rowsDone },
    ...{ mean_reward: meanReward, seconds_left: secondsLeft, rows_per_second: speed.rows, tokens_per_second: speed.tokens },
  })),
  workers: workers.map(({ startedAt, speed, ...worker }) => ({
    ...worker,
    ...{ started_at: new Date(startedAt).toISOString(), rows_per_second: speed.rows, tokens_per_second: speed.tokens },
  })),
  dead,
})

const perSecond = (value: number): string => (value === 0 ? '' : value.toFixed(1))

/** Describes a queue as lines of text. */
export function describeQueue({ isPaused, jobs, runs, workers, dead }: QueueState, address: string): string[] {
  const { waiting, active, delayed, dead: failed } = jobs
  const counts = [
    `${waiting} waiting`,
    `${active} running`,
    ...(delayed > 0 ? [`${delayed} to be tried again`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ]
  const head = `${address}${isPaused ? ' is paused' : ''}: jobs ${counts.join(', ')}; ${workers.length} ${workers.length === 1 ? 'worker' : 'workers'}`
  if (runs.length === 0) return [head, 'No runs']
  const runTable = formatTable(
    [
      ['run', 'rows', 'rows/s', 'tokens/s', 'left', 'mean reward', 'error rows', 'failed jobs', 'output'],
      ...runs.map((run) => [
        run.id,
        `${run.rowsDone} of ${run.rows}${run.isWhole ? '' : '+'}`,
        perSecond(run.speed.rows),
        perSecond(run.speed.tokens),
        run.rowsDone >= run.rows && run.isWhole ? 'done' : run.secondsLeft === null ? '' : seconds(run.secondsLeft * 1000),
        run.meanReward === null ? '' : run.meanReward.toFixed(3),
        String(run.errors),
        String(run.dead),
        run.output,
      ]),
    ],
    'text',
  )
  const workerTable = formatTable(
    [
      ['worker', 'job', 'done', 'rows/s', 'tokens/s'],
      ...workers.map(({ host, pid, job = '', done, speed }) => [
        `${host} ${pid}`,
        job,
        String(done),
        perSecond(speed.rows),
        perSecond(speed.tokens),
      ]),
    ],
    'text',
  )
  return [
    head,
    '',
    ...runTable,
    ...(workers.length > 0 ? ['', ...workerTable] : []),
    ...(dead.length > 0 ? ['', 'Failed jobs (`rxargs queue retry` tries them again):'] : []),
    ...dead
      .slice(0, NAMED)
      .map(
        ({ job, rows, attempts, reason }) =>
          `${job}, ${rows} ${rows === 1 ? 'row' : 'rows'}, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}: ${reason}`,
      ),
    ...(dead.length > NAMED ? [`… and ${dead.length - NAMED} more: --json has them`] : []),
  ]
}
