#!/usr/bin/env node
import { messageOf } from '../core/errors.js'
import { run } from './runCommand.js'
import { Interrupted, ReaderGone } from './terminal.js'

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

const flushed = (stream: NodeJS.WriteStream) =>
  new Promise<void>((resolve) => (stream.destroyed ? resolve() : void stream.write('', () => resolve())))

const exitCode = await run(process.argv.slice(2), { stdin, stdout, stderr, signal: stop.signal })
await Promise.all([flushed(stdout), flushed(stderr)])
// Input that is still open would keep the process.
process.exit(exitCode)
