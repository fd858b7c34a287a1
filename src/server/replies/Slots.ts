import { AsyncSubject, defer, finalize, mergeMap, type Observable } from 'rxjs'
import { ApiError } from '../ApiError.js'

/**
 * Lets streams run while there are places; others wait in order of arrival. A stream takes one place, or several if it decodes several sequences
 * at once. A stream that is unsubscribed gives its places to the next.
 */
export class Slots {
  #running = 0
  #taken = 0
  /** The streams that wait, with the places that they need. */
  readonly #waiting = new Map<AsyncSubject<void>, number>()

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
   * Checks that so many more places can be taken or waited for.
   *
   * @throws ApiError 429, or 400 if so many never fit
   */
  reserve(places: number): void {
    const most = this.maxRunning + this.maxWaiting
    if (places > most)
      throw new ApiError(
        400,
        `Expected at most ${most} sequences in a request, prompts × replies × branches of a search, got ${places}`,
        {
          code: 'limit_exceeded',
        },
      )
    const wanted = [...this.#waiting.values()].reduce((sum, each) => sum + each, 0)
    if (this.#taken + wanted + places <= most) return
    throw new ApiError(429, 'Too many requests are waiting; try again later', {
      code: 'queue_full',
      headers: { 'retry-after': '1' },
    })
  }

  /** The same stream, which starts once it has its places. One that needs more than there are takes all of them. */
  admit<T>(source: Observable<T>, needed = 1): Observable<T> {
    const places = Math.min(needed, this.maxRunning)
    return defer(() => {
      const turn = new AsyncSubject<void>()
      turn.next()
      this.#waiting.set(turn, places)
      this.#start()
      return turn.pipe(
        mergeMap(() => source),
        finalize(() => {
          if (!this.#waiting.delete(turn)) {
            this.#running--
            this.#taken -= places
          }
          // One that leaves the queue may have held up smaller ones.
          this.#start()
        }),
      )
    })
  }

  #start(): void {
    for (const [turn, places] of this.#waiting) {
      if (this.#taken + places > this.maxRunning) return
      this.#waiting.delete(turn)
      this.#running++
      this.#taken += places
      turn.complete()
    }
  }
}
