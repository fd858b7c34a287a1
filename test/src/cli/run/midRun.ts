import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { createInterface } from 'node:readline'
import { expect, onTestFinished } from 'vitest'
import { finished, pair, started } from '../rxargs.js'

export type LogRecord = Readonly<Record<string, unknown>>

/** Follows a program that writes records on stderr. */
export function follow(child: ChildProcessWithoutNullStreams) {
  onTestFinished(() => void child.kill('SIGKILL'))
  const end = finished(child)
  const records: LogRecord[] = []
  const wakes = new Set<() => void>()
  const wakeAll = (): void => {
    for (const wake of wakes) wake()
    wakes.clear()
  }
  createInterface({ input: child.stderr }).on('line', (line) => {
    records.push(JSON.parse(line) as LogRecord)
    wakeAll()
  })
  child.once('exit', wakeAll)
  const of = (event: string): LogRecord[] => records.filter((record) => record.event === event)
  const count = async (event: string, wanted: number): Promise<void> => {
    while (of(event).length < wanted && child.exitCode === null) await new Promise<void>((resolve) => void wakes.add(resolve))
    expect(of(event).length).toBeGreaterThanOrEqual(wanted)
  }
  return { child, end, of, records, count }
}

/** Runs the program on prompts that go to its standard input one by one, so that it is in mid-run until `end`. */
export function midRun(out: string, ...flags: readonly string[]) {
  const child = started(['generate', ...pair, '--max-new-tokens', '5', '-o', out, '--log', 'json', ...flags])
  const write = (...lines: string[]) => child.stdin.write(lines.map((line) => `${line}\n`).join(''))
  return { ...follow(child), write }
}

export const prompts = (number: number): string[] =>
  Array.from({ length: number }, (_, index) => `{"id":"p${index}","prompt":"Tell me ${index}"}`)
export const sum = (records: readonly LogRecord[], field: string): number =>
  records.reduce((all, record) => all + ((record[field] as number | null) ?? 0), 0)
