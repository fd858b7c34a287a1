#!/usr/bin/env node
import { syncBuiltinESMExports } from 'node:module'
import { Writable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { messageOf, OptionError } from '../core/errors.js'
import { endLines, type Log, lineLog, openLog } from '../watch/jsonLog.js'
import { namesServer } from './flags/readServer.js'
import { asksForJson } from './flags/watchFlags.js'
import { asyncFailure, endlessWait, exitFailure, modulesOf, timeoutOf } from './run/moduleFailure.js'
import { watchLoops } from './run/watchLoops.js'
import { run } from './runCommand.js'
import { Interrupted, ReaderGone, reportError, type Terminal } from './terminal.js'

const args = process.argv.slice(2)

// By default V8 lets garbage grow to several times of what is in use, and places objects that outlive a collection in old memory from then on.
// Here nearly all objects wait for a model and then die, so old memory would fill with garbage, which keeps young garbage alive.
setFlagsFromString('--heap-growing-percent=30')
setFlagsFromString('--no-allocation-site-pretenuring')
// In each thread, V8 looks for garbage once old memory has grown by 8 MB or more. The soft trigger lets it begin at a third of that, whenever the thread
// waits. The hard trigger makes it begin at half, for a loop that never waits. Steps of a model behind HTTP leave so much garbage that V8 would look
// for it at nearly every step, so a run with such a model keeps V8's own triggers.
if (!namesServer(args)) {
  setFlagsFromString('--incremental-marking-soft-trigger=12')
  setFlagsFromString('--incremental-marking-hard-trigger=50')
}

const { stdin, stdout, stderr } = process
const stop = new AbortController()
const exit = process.exit.bind(process)

const log = asksForJson(args) ? await openJson() : undefined
const messages = log ? lineLog(log, 'notice') : stderr
const terminal: Terminal = { stdin, stdout, stderr: messages, signal: stop.signal, log }

/** With `--log json`, nothing but records goes to stderr, not even what modules and Node print. */
async function openJson(): Promise<Log> {
  const opened = await openLog(stderr).catch((error: unknown) => {
    reportError({ stderr }, messageOf(error))
    return exit(error instanceof OptionError ? 2 : 1)
  })
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => opened('warning', { message: `${name}: ${message}` }, 'warn'))
  return opened
}

// What a module prints must not mix with the rows on stdout.
const printed = log
  ? lineLog(log, 'output')
  : new Writable({ write: (chunk, encoding, done) => void stderr.write(chunk, encoding, () => done()) })
Object.defineProperty(process, 'stdout', { value: printed, configurable: true, enumerable: true })
if (log) Object.defineProperty(process, 'stderr', { value: printed, configurable: true, enumerable: true })
syncBuiltinESMExports()

for (const [name, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(name, () => {
    if (stop.signal.aborted) exit(exitCode)
    messages.write('\nInterrupted: finishing what is under way. Interrupt again to quit now.\n')
    stop.abort(new Interrupted(exitCode))
  })
}
// `npx rxargs` and scripts of npm run this program in a shell. A signal to npm ends the shell and leaves this program behind.
if (/^['"]?rxargs\b/.test(process.env.npm_lifecycle_script ?? '')) {
  const { ppid: shell } = process
  const watch = setInterval(() => {
    if (process.ppid === shell) return
    clearInterval(watch)
    process.emit('SIGTERM')
  }, 500)
  watch.unref()
}
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') reportError(terminal, messageOf(error))
  stop.abort(error.code === 'EPIPE' ? new ReaderGone() : error)
})
stderr.on('error', () => undefined) // Nobody is left to read it.

// A module that fails outside of its calls ends the run as an error. Finished rows are kept.
process.on('uncaughtException', (error) => stop.abort(asyncFailure(error, args)))
process.on('unhandledRejection', (reason) => stop.abort(asyncFailure(reason, args)))
process.exit = (code) => {
  const failure = exitFailure(code, args)
  stop.abort(failure)
  throw failure
}

const modules = modulesOf(args)
if (modules !== '')
  watchLoops(
    // The call of a reward has its own time-out, which comes first.
    { limitMs: timeoutOf(args) + 5_000, modules },
    (failure) => stop.abort(failure),
    (message) => {
      reportError(terminal, message)
      stderr.write('', () => exit(1))
    },
  )

// Without this, Node ends with code 13 and says nothing.
process.on('beforeExit', () => {
  reportError(terminal, endlessWait(args))
  exit(1)
})

const flush = (stream: NodeJS.WriteStream) =>
  new Promise<void>((resolve) => (stream.destroyed ? resolve() : void stream.write('', () => resolve())))

const exitCode = await run(args, terminal)
if (log) {
  await Promise.all([messages, printed].map((stream) => endLines(stream as Writable)))
  log('exit', { exit_code: exitCode })
}
await Promise.all([flush(stdout), flush(stderr)])
// An open input would keep the process alive.
exit(exitCode)
