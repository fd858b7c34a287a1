import { once } from 'node:events'
import type { Log } from '../watch/jsonLog.js'

/**
 * Streams that a command reads and writes, and the signal that stops it. With a `log`, stderr holds JSON records only, and each line that is
 * written to it becomes one.
 */
export type Terminal = Readonly<{
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WritableStream & Readonly<{ isTTY?: boolean; columns?: number }>
  signal: AbortSignal
  log?: Log | undefined
}>

/** Reports an error in one line, or as a record. */
export function reportError({ stderr, log }: Pick<Terminal, 'stderr' | 'log'>, message: string, stack?: string): void {
  const line = message.trim().replace(/\s*\n\s*/g, ' ')
  if (log) log('error', { message: line, stack }, 'error')
  else stderr.write(`rxargs: ${line}\n${stack === undefined ? '' : `${stack}\n`}`)
}

/** Writes a line and waits for a slow reader. */
export async function writeLine(stream: NodeJS.WritableStream, line: string, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  if (!stream.write(`${line}\n`)) await once(stream, 'drain', { signal })
}

/** The reader of our output is gone. This is not an error, but there is no point in writing more. */
export class ReaderGone extends Error {}

/** The user pressed Ctrl-C, or the process got a signal to end. */
export class Interrupted extends Error {
  constructor(readonly exitCode: number) {
    super('Interrupted')
  }
}
