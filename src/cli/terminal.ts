import { once } from 'node:events'

/** Where a command reads and writes, and how it learns that it shall stop. */
export type Terminal = Readonly<{
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  signal: AbortSignal
}>

/** Writes a line, and waits where the reader is slower. */
export async function writeLine(stream: NodeJS.WritableStream, line: string, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  if (!stream.write(`${line}\n`)) await once(stream, 'drain', { signal })
}

/** Whoever read our output has gone: not an error, but nothing more is to be said. */
export class ReaderGone extends Error {}

/** Someone pressed Ctrl-C, or the process was told to end. */
export class Interrupted extends Error {
  constructor(readonly exitCode: number) {
    super('Interrupted')
  }
}
