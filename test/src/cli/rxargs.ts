import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** A tiny pair with random weights: its answers mean nothing, but they are always the same. */
export const pair = ['--lm', `${root}data/golden/grouped/lm`, '--reward', `${root}data/golden/grouped/reward`]
export const lm = pair[1]!
export const reward = pair[3]!

export type Finished = Readonly<{ code: number | null; signal: string | null; stdout: string; stderr: string }>

/** Starts the compiled program. */
export const started = (args: readonly string[]): ChildProcessWithoutNullStreams =>
  spawn(process.execPath, [`${root}dist/src/cli/main.js`, ...args])

export function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) =>
      resolve({ code, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    )
  })
}

/** Runs the compiled program to its end. */
export function rxargs(args: readonly string[], input = ''): Promise<Finished> {
  const child = started(args)
  // A program that does not read its input may be gone before it is written.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  return finished(child)
}

export const jsonl = (stdout: string): Record<string, unknown>[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
