#!/usr/bin/env node
import { messageOf } from '../core/errors.js'
import { asyncFailure, endlessWait, exitFailure } from './run/moduleFailure.js'
import { run } from './runCommand.js'
import { Interrupted, ReaderGone } from './terminal.js'

const { stdin, stdout, stderr } = process
const stop = new AbortController()
const args = process.argv.slice(2)
const exit = process.exit.bind(process)

for (const [name, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(name, () => {
    if (stop.signal.aborted) exit(exitCode)
    stderr.write('\nInterrupted: saving finished rows. Interrupt again to quit now.\n')
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
