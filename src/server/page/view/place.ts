import type { Side } from '../state/request.js'

/** A token of one of the two replies. */
export type Place = Readonly<{ side: Side; index: number }>
