import { concatMap, from, of } from 'rxjs'
import type { Decoder, LogitsStep } from '../../core/step.js'

/** Holds decoding back while a reader does not keep up. */
export type Pace = Readonly<{
  decoder: (decoder: Decoder) => Decoder
  /** Resolves once the reader can take more; undefined while it can. */
  wait: () => Promise<void> | undefined
  set: (wait: Promise<void> | undefined) => void
}>

/** A pace that lets everything pass until it is told otherwise. */
export function pace(): Pace {
  let waiting: Promise<void> | undefined
  return {
    wait: () => waiting,
    set: (wait) => {
      waiting = wait
    },
    decoder: (decoder) => (models) => {
      const inner = decoder(models)
      const held = concatMap((step: LogitsStep) => (waiting ? from(waiting.then(() => step)) : of(step)))
      return Object.assign((source: Parameters<typeof inner>[0]) => source.pipe(held, inner), {
        ...(inner.spec && { spec: inner.spec }),
        need: inner.need ?? ('all' as const),
      })
    },
  }
}
