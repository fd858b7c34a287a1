import { Command } from 'commander'
import * as z from 'zod'
import { describeMix } from '../../io/parquet/sameRun.js'
import { openStore } from '../../io/stores/openStore.js'
import { isHeldForQueue, releaseForQueue } from '../../io/stores/queueHold.js'
import { type Connection, connect } from '../../queue/connect.js'
import type { RunRecord } from '../../queue/runStore.js'
import { UnfitWorker, type WorkOptions, work } from '../../queue/work.js'
import { number } from '../flags/flags.js'
import { type WatchFlags, watchFlags } from '../flags/watchFlags.js'
import { modulesOf } from '../run/moduleFailure.js'
import { type QueueFlag, queueFlag, queueOf } from '../run/queueFlag.js'
import type { Terminal } from '../terminal.js'
import { type EngineProcess, startEngine } from './engineProcess.js'
import { checkOwnModels, describeOtherModel, type OwnModels, ownModelFlags, withOwnModels } from './ownModels.js'
import { speedometer } from './speedometer.js'
import { type WorkerWatch, watchWorker } from './watch.js'

type WorkerFlags = QueueFlag & WatchFlags & OwnModels & Readonly<{ exitWhenIdle?: boolean; grace: number }>

/** `rxargs worker` decodes the jobs of a queue. */
export const workerCommand = (terminal: Terminal): Command =>
  watchFlags(
    ownModelFlags(queueFlag(new Command('worker'))),
    'serve figures of this worker and its engine for Prometheus at /metrics on this port; each worker of a machine needs its own; if it is taken, the worker ends before it takes a job; 0 takes a free one; needs prom-client',
  )
    .description('decode the jobs of a queue, with any number of other workers')
    .option('--exit-when-idle', 'end when no job waits, runs or is tried again')
    .option(
      '--grace <seconds>',
      'after SIGTERM or Ctrl-C, how long the current job may go on before it goes back to the queue',
      number('grace', z.number().min(0).describe('a number of seconds >= 0')),
      20,
    )
    .action((flags: WorkerFlags) => runWorker(flags, terminal))

async function runWorker({ exitWhenIdle = false, grace, ...flags }: WorkerFlags, terminal: Terminal): Promise<void> {
  const { signal, stderr } = terminal
  const say = (line: string): void => void stderr.write(`${line}\n`)
  const address = queueOf(flags)
  checkOwnModels(flags)
  const engines = engineOfRuns(flags, say)
  const watch = await watchWorker(flags, terminal, engines.current)
  const speed = speedometer()
  const decode: WorkOptions['decode'] = async (record, job, control) => {
    const engine = await engines.of(record, watch)
    if (!(await isHeldForQueue(openStore(record.output), record.id)))
      throw new UnfitWorker(
        `Expected ${record.output} to be the folder of the run ${record.id} as the submitting machine sees it, found none that is marked so. Mount that folder here under the same path`,
      )
    return engine.decode(record.output, job, { ...control, onProgress: speed.add })
  }
  let connection: Connection | undefined
  try {
    connection = await connect(address, { isPatient: true, onNotice: say })
    say(`Waiting for jobs of ${connection.address}`)
    const done = await work(connection, {
      ...{ decode, exitWhenIdle, signal, onNotice: say, onEvent: watch.onEvent, graceMs: grace * 1000 },
      speed: speed.read,
      finish: async ({ id, output }) => {
        // All rows are there, so whatever is unfinished belongs to a worker that was killed.
        const store = openStore(output)
        await store.removeUnfinished()
        await releaseForQueue(store, id)
        say(`Run ${id} is done: ${output}`)
      },
    })
    signal.throwIfAborted()
    say(`Nothing left to do; this worker has done ${done} ${done === 1 ? 'job' : 'jobs'}`)
  } finally {
    await engines.close()
    watch.close()
    connection?.close()
  }
}

/**
 * Whether an engine with these arguments may go on with another run. Modules keep what they like, a server that fails is left alone for a while, and
 * traces count the rows of a run.
 */
const isShareable = ({ meta }: RunRecord, args: readonly string[]): boolean =>
  modulesOf(args) === '' &&
  meta.spec.use === undefined &&
  !args.includes('--otlp') &&
  Object.values(meta.models).every(({ sha256 }) => sha256 !== undefined)

/** Says why the engine would make other rows than the run as it was submitted; undefined if it makes the same. */
const differenceOf = ({ id, meta }: RunRecord, engine: EngineProcess): string | undefined =>
  describeOtherModel(meta.models, engine.meta.models) ??
  describeMix({ name: `the run ${id}, as it was submitted,`, meta }, { name: 'this worker', meta: engine.meta })

/** Keeps the engine of the last job for the next one of its run, or of a run with the same models and settings. */
function engineOfRuns(own: OwnModels, say: (line: string) => void) {
  let current: Readonly<{ run: string; args: string; engine: EngineProcess }> | undefined
  const close = async (): Promise<void> => {
    const last = current?.engine
    current = undefined
    await last?.close()
  }
  return {
    close,
    current: () => current?.engine,
    async of(record: RunRecord, { engineArgs, onRecord }: WorkerWatch): Promise<EngineProcess> {
      const { id, generation } = record
      const given = [...withOwnModels(record, own), ...engineArgs]
      const [run, args] = [JSON.stringify([id, generation]), JSON.stringify(given)]
      if (current?.args === args && current.engine.isAlive()) {
        const { engine } = current
        if (current.run === run) return engine
        // Files may have changed since it was loaded.
        if (isShareable(record, given) && differenceOf(record, engine) === undefined) {
          say(`The run ${id} has the models and settings that are loaded`)
          current = { run, args, engine }
          return engine
        }
      }
      await close()
      say(`Loading the models of the run ${id}`)
      const engine = await startEngine(given, { onNotice: say, onRecord }).catch((error: unknown) => {
        throw new UnfitWorker(`This worker cannot decode the run ${id}: ${(error as Error).message}`)
      })
      const difference = differenceOf(record, engine)
      if (difference !== undefined) {
        engine.end()
        throw new UnfitWorker(`This worker would make other rows: ${difference}`)
      }
      current = { run, args, engine }
      return engine
    },
  }
}
