import type { Tensor } from 'onnxruntime-node'
import { PAGE } from '../../graph/layers/paged/jointHeads.js'
import { type CacheShape, cacheBytesPerToken, GROWTH, lengthClass } from '../decoder/cacheShape.js'
import type { KvSlab, Resident } from '../decoder/kvSlab.js'
import type { Gpu } from './gpu.js'

/** Queues GPU work of a slab's methods. It runs in order before the next run. */
export type Later = (work: (gpu: Gpu) => Promise<void>) => void

/** Slots for so many residents: a power of two, so there are few shapes. */
const slotsFor = (residents: number): number => 2 ** Math.ceil(Math.log2(residents))

/**
 * Most positions of all slabs together, for so many sequences of up to `tokens` tokens. A sequence that has grown has left a slot in each shorter slab, and
 * slabs keep their slots.
 */
export function mostPositions(sequences: number, tokens: number): number {
  const longest = lengthClass(tokens + GROWTH)
  let positions = 0
  for (let length = lengthClass(1); length <= longest; length *= 2) positions += (slotsFor(sequences) + 1) * length
  return positions
}

/**
 * KV cache rows of one length class on a GPU. Each layer has a matrix of keys and values, float [slots · pages · heads · 64, headDim] (pagedDecoder.ts).
 * A resident stays in its slot, because a run takes slots in any order. One spare slot after the others receives padding.
 */
export class DeviceSlab<R extends Resident> implements KvSlab<R> {
  private readonly residents: (R | undefined)[] = []
  private planes: readonly Tensor[] = []
  private capacity = 0

  constructor(
    private readonly shape: CacheShape,
    readonly longest: number,
    private readonly later: Later,
  ) {}

  get bytes(): number {
    return this.count * this.longest * cacheBytesPerToken(this.shape)
  }

  /** The slot for padding. */
  get spare(): number {
    return this.capacity
  }

  /** Pages per slot. */
  get pages(): number {
    return this.longest / PAGE
  }

  /** Heads of keys and values per page. */
  get heads(): number {
    return 2 * this.shape.kvHeads
  }

  /** Words of 32 bits per page. */
  private get words(): number {
    return PAGE * this.heads * this.shape.headDim
  }

  /** Keys and values of each layer. */
  get buffers(): readonly Tensor[] {
    return this.planes
  }

  /** Grows to the next power of two. */
  reserve(more: number): void {
    const needed = this.count + more
    if (needed <= this.capacity) return
    const before = this.capacity
    this.capacity = slotsFor(needed)
    const all = (this.capacity + 1) * this.pages
    const pages = Array.from({ length: before * this.pages }, (_, page) => page)
    this.later(async (gpu) => {
      const planes: Tensor[] = []
      for (let plane = 0; plane < this.shape.layers; plane++) planes.push(await gpu.zeros(all, this.words))
      const old = this.planes
      this.planes = planes
      if (pages.length > 0)
        for (const [plane, tensor] of old.entries()) await gpu.copyPages(tensor, planes[plane]!, this.words, pages, pages)
      for (const tensor of old) tensor.dispose()
    })
  }

  /** Does nothing: rows have their full length from the start, and each run reads only what it needs. */
  fit(): void {}

  add(resident: R): void {
    this.reserve(1)
    const free = this.residents.indexOf(undefined)
    resident.slot = free < 0 ? this.residents.length : free
    this.residents[resident.slot] = resident
  }

  remove(slot: number, dirty: boolean): void {
    this.residents[slot] = undefined
    if (!dirty) return
    const pages = this.pagesOf(slot, 0, this.longest)
    this.later(async (gpu) => {
      const zeros = await gpu.zeros(1, this.words)
      for (const plane of this.planes) await gpu.copyPages(zeros, plane, this.words, Array(pages.length).fill(0), pages)
      zeros.dispose()
    })
  }

  /** Copies whole pages. Positions after `to` stay masked until they are overwritten. `from` is the start of a page. */
  copyTo(other: this, source: R, target: R, from: number, to: number): void {
    const [sourcePages, targetPages] = [this.pagesOf(source.slot, from, to), other.pagesOf(target.slot, from, to)]
    this.later(async (gpu) => {
      for (const [plane, tensor] of this.planes.entries())
        await gpu.copyPages(tensor, other.planes[plane]!, this.words, sourcePages, targetPages)
    })
  }

  moveTo(other: this, resident: R, positions: number, dirty: boolean): void {
    const from = { ...resident }
    other.add(resident)
    this.copyTo(other, from, resident, 0, positions)
    this.remove(from.slot, dirty)
  }

  /** Never moves: reading the token again beside the new ones costs less than a copy in each layer. */
  movePosition(): false {
    return false
  }

  /** Frees the memory. */
  dispose(): void {
    for (const tensor of this.planes) tensor.dispose()
    this.planes = []
  }

  private get count(): number {
    return this.residents.reduce((count, resident) => count + (resident ? 1 : 0), 0)
  }

  private pagesOf(slot: number, from: number, to: number): number[] {
    const first = Math.floor(from / PAGE)
    return Array.from({ length: Math.ceil(to / PAGE) - first }, (_, page) => slot * this.pages + first + page)
  }
}
