import { writeSync } from 'node:fs'
import { type Debugger, Session } from 'node:inspector'
import { parentPort, workerData } from 'node:worker_threads'
import { loopMessage, placeIn, type Watched } from './moduleFailure.js'

/** The thread that watches whether the program's own thread still does anything. */
const { beat, limitMs, modules } = workerData as Watched

const TICK_MS = 100
/** How long the program may take to end after its loop was stopped, before it is killed. */
const PATIENCE_MS = 10_000

let last = -1
let still = 0
let patience = limitMs
let isAsked = false

/** Pauses the program's thread, and stops what it does if that is in a module of the user. */
function interrupt(): void {
  const session = new Session()
  const scripts = new Map<string, string>()
  const done = (): void => {
    session.post('Debugger.resume')
    session.post('Debugger.disable')
    session.disconnect()
  }
  session.connectToMainThread()
  session.on('Debugger.scriptParsed', ({ params: { scriptId, url } }) => scripts.set(scriptId, url))
  session.on('Debugger.paused', ({ params: { callFrames } }) => {
    const place = placeIn(callFrames.map((frame) => lineOf(frame, scripts)).join('\n'))
    still = 0
    if (place === undefined) {
      // Our own code takes long, which is no loop.
      isAsked = false
      return done()
    }
    if (callFrames.some(({ location }) => isOfNode(scripts.get(location.scriptId)))) return kill(place)
    patience = PATIENCE_MS
    session.post('Runtime.terminateExecution')
    parentPort!.postMessage(place)
    return done()
  })
  session.post('Debugger.enable')
  session.post('Debugger.pause')
}

/** Node itself does not survive that a callback of its own, such as a timer's, is stopped. A stopped microtask does no harm. */
const isOfNode = (url = ''): boolean => url.startsWith('node:') && !url.startsWith('node:internal/process/task_queues')

const lineOf = ({ location: { scriptId, lineNumber, columnNumber } }: Debugger.CallFrame, scripts: ReadonlyMap<string, string>) =>
  `${scripts.get(scriptId)}:${lineNumber + 1}:${(columnNumber ?? 0) + 1}`

/** Ends the process, which keeps complete part files only. */
function kill(place: string): void {
  writeSync(2, `rxargs: ${loopMessage(place, limitMs)}\n`)
  process.kill(process.pid, 'SIGKILL')
}

// Ticks are counted, not time, because a computer that sleeps stops both threads.
setInterval(() => {
  const now = Atomics.load(beat, 0)
  if (now !== last) {
    last = now
    still = 0
    isAsked = false
    return
  }
  still += TICK_MS
  if (still < (isAsked ? patience : limitMs)) return
  still = 0
  // A thread that cannot even be paused waits inside of a call of Node.
  if (isAsked) return kill(modules)
  isAsked = true
  patience = limitMs
  interrupt()
}, TICK_MS)
