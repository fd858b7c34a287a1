import type { Observable, Subscription } from 'rxjs'
import type { Pace } from './pace.js'

export type EventStreamOptions = Readonly<{
  pace: Pace
  /** How long a reader may take nothing before the reply is given up. */
  stallTimeoutMs: number
  /** Closes the connection of a reader who takes nothing. */
  drop: () => void
  errorLine: (error: unknown) => string
}>

/** Bytes that may lie here unread before decoding waits for the reader. */
const HIGH_WATER = 64 * 1024

const encoder = new TextEncoder()
const eventOf = (line: string): Uint8Array => encoder.encode(`data: ${line}\n\n`)

/**
 * Answers with server-sent events. Decoding waits while the reader does not keep up, and ends at once when the reader is gone. An error becomes
 * the last event.
 */
export function eventStream(lines: Observable<string>, { pace, stallTimeoutMs, drop, errorLine }: EventStreamOptions): Response {
  let subscription: Subscription | undefined
  let go: (() => void) | undefined
  let stalled: NodeJS.Timeout | undefined
  const resume = (): void => {
    clearTimeout(stalled)
    pace.set(undefined)
    go?.()
    go = undefined
  }
  const end = (): void => {
    resume()
    subscription?.unsubscribe()
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const close = (): void => {
          end()
          controller.close()
        }
        subscription = lines.subscribe({
          next: (line) => {
            controller.enqueue(eventOf(line))
            if (go || (controller.desiredSize ?? 0) > 0) return
            pace.set(
              new Promise((resolve) => {
                go = resolve
              }),
            )
            stalled = setTimeout(drop, stallTimeoutMs)
          },
          error: (error: unknown) => {
            controller.enqueue(eventOf(errorLine(error)))
            close()
          },
          complete: close,
        })
      },
      pull: resume,
      cancel: end,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: HIGH_WATER }),
  )
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    },
  })
}
