#!/usr/bin/env node
import { syncBuiltinESMExports } from 'node:module'
import { Writable } from 'node:stream'
import { messageOf } from '../core/errors.js'
import { asyncFailure, endlessWait, exitFailure, modulesOf, timeoutOf } from './run/moduleFailure.js'
import { watchLoops } from './run/watchLoops.js'
import { run } from './runCommand.js'
import { Interrupted, ReaderGone } from './terminal.js'

const { stdin, stdout, stderr } = process
const stop = new AbortController()
const args = process.argv.slice(2)
const exit = process.exit.bind(process)

// What a module prints must not mix with the rows on stdout.
const printed = new Writable({ write: (chunk, encoding, done) => void stderr.write(chunk, encoding, () => done()) })
Object.defineProperty(process, 'stdout', { value: printed, configurable: true, enumerable: true })
syncBuiltinESMExports()

for (const [name, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(name, () => {
    if (stop.signal.aborted) exit(exitCode)
    stderr.write('\nInterrupted: finishing what is under way. Interrupt again to quit now.\n')
    stop.abort(new Interrupted(exitCode))
  })
}
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') stderr.write(`rxargs: ${messageOf(error)}\n`)
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
      stderr.write(`rxargs: ${message}\n`, () => exit(1))
    },
  )

// Without this, Node ends with code 13 and says nothing.
process.on('beforeExit', () => {
  stderr.write(`rxargs: ${endlessWait(args)}\n`)
  exit(1)
})

const flush = (stream: NodeJS.WriteStream) =>
  new Promise<void>((resolve) => (stream.destroyed ? resolve() : void stream.write('', () => resolve())))

const exitCode = await run(args, { stdin, stdout, stderr, signal: stop.signal })
await Promise.all([flush(stdout), flush(stderr)])
// An open input would keep the process alive.
exit(exitCode)
