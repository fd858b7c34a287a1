import type { SlidingWindow } from '../checkpoint/families/slidingWindow.js'

/** A pair of mask inputs. `window`: most tokens that a query attends to, itself included. Without one it attends to all before it. */
export type Mask = Readonly<{ past: 'past_bias' | 'local_past_bias'; self: 'self_bias' | 'local_self_bias'; window?: number }>

const full: Mask = { past: 'past_bias', self: 'self_bias' }

/** The masks that a decoder's layers need: full attention, sliding window, or both. */
export function masksOf({ layers, slidingWindow }: Readonly<{ layers: number; slidingWindow?: SlidingWindow }>): readonly Mask[] {
  if (!slidingWindow) return [full]
  const local: Mask = { past: 'local_past_bias', self: 'local_self_bias', window: slidingWindow.tokens }
  return slidingWindow.layers.filter(Boolean).length === layers ? [local] : [full, local]
}
