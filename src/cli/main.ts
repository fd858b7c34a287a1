#!/usr/bin/env node
import { CommanderError } from 'commander'
import { messageOf, OptionError } from '../core/errors.js'
import { program } from './program.js'
import { Interrupted, ReaderGone } from './terminal.js'

/** Exit codes: 0 done, 1 a failed run, 2 a usage error, 130 and 143 interrupted. */
function codeOf(error: unknown): number {
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof ReaderGone) return 0
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  return error instanceof OptionError ? 2 : 1
}

const { stdin, stdout, stderr } = process
const stop = new AbortController()

for (const [name, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(name, () => {
    if (stop.signal.aborted) process.exit(exitCode)
    stderr.write('\nInterrupted: writing what is finished; once more to leave at once\n')
    stop.abort(new Interrupted(exitCode))
  })
}
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') stderr.write(`rxargs: ${messageOf(error)}\n`)
  stop.abort(error.code === 'EPIPE' ? new ReaderGone() : error)
})
stderr.on('error', () => undefined) // Nobody is left to be told.

const debug = process.argv.includes('--debug')
const flushed = (stream: NodeJS.WriteStream) =>
  new Promise<void>((resolve) => (stream.destroyed ? resolve() : void stream.write('', () => resolve())))

const exitCode = await program({ stdin, stdout, stderr, signal: stop.signal })
  .parseAsync(process.argv)
  .then(
    () => 0,
    (thrown: unknown) => {
      // What fails because it is stopped is no failure of its own.
      const error = stop.signal.aborted ? stop.signal.reason : thrown
      const isQuiet = error instanceof CommanderError || error instanceof Interrupted || error instanceof ReaderGone
      if (!isQuiet) stderr.write(`rxargs: ${messageOf(error).replace(/\s*\n\s*/g, ' ')}\n`)
      if (debug && error instanceof Error) stderr.write(`${error.stack}\n`)
      return codeOf(error)
    },
  )
await Promise.all([flushed(stdout), flushed(stderr)])
process.exit(exitCode)
