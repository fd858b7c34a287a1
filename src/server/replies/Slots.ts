import { AsyncSubject, defer, finalize, mergeMap, type Observable } from 'rxjs'
import { ApiError } from '../ApiError.js'

/** Lets so many streams run at a time; others wait in order of arrival. A stream that is unsubscribed gives its place to the next. */
export class Slots {
  #running = 0
  readonly #waiting = new Set<AsyncSubject<void>>()

  constructor(
    readonly maxRunning: number,
    readonly maxWaiting: number,
  ) {}

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Checks that `count` more streams can run or wait.
   *
   * @throws ApiError 429, or 400 if so many never fit
   */
  reserve(count: number): void {
    const most = this.maxRunning + this.maxWaiting
    if (count > most)
      throw new ApiError(400, `Expected at most ${most} replies in a request, got ${count}`, { code: 'limit_exceeded' })
    if (this.#running + this.#waiting.size + count <= most) return
    throw new ApiError(429, 'Too many requests are waiting; try again later', {
      code: 'queue_full',
      headers: { 'retry-after': '1' },
    })
  }

  /** The same stream, which starts once it has a place. */
  admit<T>(source: Observable<T>): Observable<T> {
    return defer(() => {
      const turn = new AsyncSubject<void>()
      turn.next()
      this.#waiting.add(turn)
      this.#start()
      return turn.pipe(
        mergeMap(() => source),
        finalize(() => {
          if (this.#waiting.delete(turn)) return
          this.#running--
          this.#start()
        }),
      )
    })
  }

  #start(): void {
    for (const turn of this.#waiting) {
      if (this.#running >= this.maxRunning) return
      this.#waiting.delete(turn)
      this.#running++
      turn.complete()
    }
  }
}
