import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { RunMeta } from '../../core/run.js'
import type { PartFigures } from '../../io/jobPart.js'
import type { JobData } from '../../queue/queueJob.js'
import type { Log } from '../../watch/jsonLog.js'
import type { FromEngine, ToEngine } from './protocol.js'

/** The program itself. It is started here, not imported. */
const MAIN = fileURLToPath(import.meta.resolve('../main.js'))
/** How the program reports its own errors. */
const ERROR = 'rxargs: '
/** How long an engine may take to stop a job, or to end. */
const STOP_MS = 5_000
/** How long an engine may take to tell its figures. Prometheus waits 10 s. */
const FIGURES_MS = 5_000

/** Receives what an engine says. */
export type EngineListener = Readonly<{ onNotice: (line: string) => void; onRecord: Log }>

export type JobHooks = Readonly<{
  signal: AbortSignal
  /** Whether the part may be written. */
  isOwn: () => Promise<boolean>
  onProgress: (rows: number, tokens: number) => void
}>

/** A process that holds the models of a run and decodes its jobs, one at a time. */
export interface EngineProcess {
  /** What its rows are made from. */
  readonly meta: RunMeta
  /** Whether it can take a job. */
  readonly isAlive: () => boolean
  decode(output: string, job: JobData, hooks: JobHooks): Promise<PartFigures>
  /** Figures of its models and rows, if it collects them. Undefined if it does not answer in time. */
  figures(): Promise<readonly object[] | undefined>
  /** Lets it send what is left, and ends it. */
  close(): Promise<void>
  /** Ends it at once. */
  end(): void
}

/**
 * Starts an engine and waits until its models are loaded.
 *
 * @param args flags of the run and of `EngineWatch`
 * @throws Error with what the engine said, if it ends before that
 */
export async function startEngine(args: readonly string[], { onNotice, onRecord }: EngineListener): Promise<EngineProcess> {
  const child = fork(MAIN, ['engine', ...args], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
    // Ctrl-C reaches all processes of a terminal's group. The worker decides when its engine ends.
    detached: true,
  })
  let lastWords: string | undefined
  createInterface({ input: child.stderr! }).on('line', (line) => {
    if (line.startsWith(ERROR)) lastWords = line.slice(ERROR.length)
    else onNotice(line)
  })
  let listen: (message: FromEngine) => void = () => undefined
  const scrapes = new Set<(figures: readonly object[] | undefined) => void>()
  const answerScrapes = (figures?: readonly object[]): void => {
    for (const answer of scrapes) answer(figures)
    scrapes.clear()
  }
  child.once('close', () => answerScrapes())
  child.on('message', (message: FromEngine) => {
    if (message.type === 'record') onRecord(...message.record)
    else if (message.type === 'figures') answerScrapes(message.figures)
    else listen(message)
  })
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject)
    // After `close` all that it said has been read.
    child.once('close', (code, signal) =>
      reject(
        new Error(
          lastWords ??
            (signal === null
              ? `The engine ended with code ${code}`
              : `The engine was ended by ${signal}${signal === 'SIGKILL' ? ', perhaps for lack of memory' : ''}`),
        ),
      ),
    )
  })
  ended.catch(() => undefined)
  const ready = new Promise<RunMeta>((resolve) => {
    listen = (message) => {
      if (message.type === 'ready') resolve(message.meta)
    }
  })
  const meta = await Promise.race([ready, ended])
  const end = () => {
    child.kill('SIGKILL')
  }
  const isAlive = () => child.connected && !child.killed && child.exitCode === null && child.signalCode === null
  return {
    meta,
    isAlive,
    end,
    async figures() {
      if (!isAlive()) return undefined
      return new Promise((resolve) => {
        scrapes.add(resolve)
        setTimeout(() => resolve(undefined), FIGURES_MS).unref()
        send(child, { type: 'figures' })
      })
    },
    async close() {
      send(child, { type: 'end' })
      await Promise.race([ended.catch(() => undefined), sleep(STOP_MS, undefined, { ref: false })])
      end()
    },
    async decode(output, { part, prompts }, hooks) {
      const answer = answerTo(child, hooks, (next) => {
        listen = next
      })
      const stop = () => {
        send(child, { type: 'stop' })
        setTimeout(end, STOP_MS).unref()
      }
      hooks.signal.addEventListener('abort', stop, { once: true })
      try {
        send(child, { type: 'decode', output, part, prompts })
        if (hooks.signal.aborted) stop()
        return await Promise.race([answer, ended])
      } catch (error) {
        // A failure may have left a model unusable, so the next job gets new ones.
        end()
        throw error
      } finally {
        hooks.signal.removeEventListener('abort', stop)
      }
    },
  }
}

const send = (child: ChildProcess, message: ToEngine): void => {
  // A process that has just died is noticed by its end.
  if (child.connected) child.send(message, () => undefined)
}

/** Follows a job until the engine has done it. */
function answerTo(
  child: ChildProcess,
  { isOwn, onProgress }: JobHooks,
  listen: (next: (message: FromEngine) => void) => void,
): Promise<PartFigures> {
  return new Promise((resolve, reject) =>
    listen((message) => {
      if (message.type === 'progress') onProgress(message.rows, message.tokens)
      else if (message.type === 'done') resolve(message.figures)
      else if (message.type === 'failed') reject(new Error(message.reason))
      else if (message.type === 'decoded')
        isOwn().then(
          (own) => send(child, { type: 'write', isOwn: own }),
          () => send(child, { type: 'write', isOwn: false }),
        )
    }),
  )
}
