import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { PassThrough, Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { run } from '../../../src/cli/runCommand.js'
import type { Terminal } from '../../../src/cli/terminal.js'

export const root = fileURLToPath(new URL('../../../', import.meta.url))

/** A tiny pair with random weights. Its replies are meaningless, but always the same. */
export const lm = `${root}data/golden/grouped/lm`
export const reward = `${root}data/golden/grouped/reward`
export const pair = ['--lm', lm, '--reward', reward]
export const tiny = [...pair, '--max-new-tokens', '4']

export type Finished = Readonly<{ code: number | null; stdout: string; stderr: string }>

const gathering = (stream: Readable): (() => string) => {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString()
}

/** Runs a command line in this process, which is many times faster than a new process on a busy machine. */
export async function rxargs(args: readonly string[], input?: string): Promise<Finished> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const [out, err] = [gathering(stdout), gathering(stderr)]
  const stdin = Object.assign(Readable.from(input === undefined ? [] : [Buffer.from(input)]), { isTTY: input === undefined })
  const code = await run(args, { stdin, stdout, stderr, signal: new AbortController().signal } as unknown as Terminal)
  await new Promise(setImmediate)
  return { code, stdout: out(), stderr: err() }
}

/** Starts the compiled program as users do, optionally in another working directory and with flags of Node. */
export const started = (args: readonly string[], cwd?: string, node: readonly string[] = []): ChildProcessWithoutNullStreams =>
  spawn(process.execPath, [...node, `${root}dist/src/cli/main.js`, ...args], { cwd })

export function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  const [out, err] = [gathering(child.stdout), gathering(child.stderr)]
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout: out(), stderr: err() }))
  })
}

export const jsonl = (stdout: string): Record<string, unknown>[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

export const lines = (...rows: unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

/** The rows of a folder without their times, by id. */
export async function rowsOf(out: string): Promise<unknown[]> {
  const { stdout } = await rxargs(['cat', out])
  return jsonl(stdout)
    .map(({ started_at: _, duration_ms: __, ...row }) => row)
    .sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
}
