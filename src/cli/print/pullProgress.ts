import type { HubFile } from '../../models/hub/neededFiles.js'
import { bytes } from './describeModel.js'

const DRAW_MS = 100
const LINE_MS = 5_000

export type PullProgressOptions = Readonly<{
  stream: NodeJS.WritableStream & { isTTY?: boolean; columns?: number }
  now?: () => number
}>

/** How far a download is, on stderr: one line that is redrawn on a terminal, a plain one every few seconds elsewhere. */
export function pullProgress({ stream, now = Date.now }: PullProgressOptions) {
  const isTerminal = stream.isTTY === true
  const startedAt = now()
  const there = new Map<string, number>()
  let [total, before, drawnAt] = [0, undefined as number | undefined, startedAt]
  const sum = (): number => [...there.values()].reduce((all, each) => all + each, 0)

  const draw = (path: string): void => {
    drawnAt = now()
    const speed = ((sum() - (before ?? 0)) * 1000) / Math.max(1, drawnAt - startedAt)
    const line = `${path}: ${bytes(sum())} of ${bytes(total)}, ${bytes(Math.round(speed))}/s`
    stream.write(isTerminal ? `\r\u001b[K${line.slice(0, (stream.columns ?? 80) - 1)}` : `${line}\n`)
  }

  return {
    files(files: readonly HubFile[]): void {
      total = files.reduce((all, { size }) => all + size, 0)
    },
    bytes(path: string, count: number): void {
      there.set(path, count)
      before ??= count // What an earlier run left counts for nothing.
      if (total > 0 && now() - drawnAt >= (isTerminal ? DRAW_MS : LINE_MS)) draw(path)
    },
    say(line: string): void {
      stream.write(`${isTerminal ? '\r\u001b[K' : ''}${line}\n`)
    },
  }
}
