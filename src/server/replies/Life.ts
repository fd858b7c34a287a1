import { Subject } from 'rxjs'

/** Whether a server takes requests. It ends once, by draining or because a model was lost. */
export class Life {
  #phase: 'ready' | 'draining' | 'lost' = 'ready'
  /** Emits when running replies must end at once. */
  readonly ended = new Subject<void>()

  get phase(): 'ready' | 'draining' | 'lost' {
    return this.#phase
  }

  /** Takes no further requests; running ones go on. */
  drain(): void {
    if (this.#phase === 'ready') this.#phase = 'draining'
  }

  /** No request can be answered any more. */
  lose(): void {
    this.#phase = 'lost'
  }

  /** Ends the running replies. */
  end(): void {
    this.drain()
    this.ended.next()
  }
}
