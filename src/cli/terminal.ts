import { once } from 'node:events'

/** Streams that a command reads and writes, and the signal that stops it. */
export type Terminal = Readonly<{
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  signal: AbortSignal
}>

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
