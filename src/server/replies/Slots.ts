import { AsyncSubject, defer, finalize, mergeMap, type Observable } from 'rxjs'

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

  /** Whether `count` more streams can run or wait. */
  hasRoom(count: number): boolean {
    return this.#running + this.#waiting.size + count <= this.maxRunning + this.maxWaiting
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
