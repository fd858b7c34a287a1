import { messageOf, OutputError } from '../../core/errors.js'
import { openStore } from '../stores/openStore.js'
import type { PartStore } from '../stores/PartStore.js'
import { partName, partNumber, partsAmong } from './partNames.js'

/** Lists the paths of a place's part files by number; empty if there is no such place. */
export async function listParts(place: string | PartStore): Promise<string[]> {
  const store = typeof place === 'string' ? openStore(place) : place
  return partsAmong(await store.list()).map(store.pathOf)
}

export type PartOptions = Readonly<{
  /** Runs just before the part gets its name, and removes what it replaces: `replaces` whole parts, or rows of others. */
  replacing?: (() => Promise<void>) | undefined
  replaces?: readonly string[]
  /** Path of this writer's part before. The place is then not listed, which would take longer with each part. */
  after?: string | undefined
}>

/** The number after the last part, as if some parts were gone. */
async function nextNumber(store: PartStore, gone: readonly string[] = []): Promise<number> {
  const last = (await listParts(store)).filter((path) => !gone.includes(path)).at(-1)
  return last === undefined ? 0 : partNumber(last)! + 1
}

/**
 * Writes bytes as the next part file, complete under its name or absent. It takes the next free number and never overwrites another
 * writer's part. `replacing` removes the parts that this one replaces, once its bytes are safe.
 *
 * @returns the path of the part
 * @throws OutputError if the disk is full, the place is gone, or writing is forbidden
 */
export async function addPart(
  store: PartStore,
  bytes: Uint8Array,
  { replacing, replaces, after }: PartOptions = {},
): Promise<string> {
  const next = (gone?: readonly string[]) => (after === undefined ? nextNumber(store, gone) : partNumber(after)! + 1)
  const staged = await store.stage(bytes, replacing && (async () => partName(await next(replaces))))
  try {
    await replacing?.()
    let number = await next()
    while (!(await staged.place(partName(number)))) number++
    return store.pathOf(partName(number))
  } catch (error) {
    throw new OutputError(`Expected to place a part file in ${store.name}: ${messageOf(error)}`)
  } finally {
    await staged.discard()
  }
}

/**
 * Writes bytes as the part file of a number, complete or absent, unless it is there: then another writer has made it.
 *
 * @returns whether this call wrote it
 * @throws OutputError like `addPart`
 */
export async function addNumberedPart(store: PartStore, number: number, bytes: Uint8Array): Promise<boolean> {
  const staged = await store.stage(bytes)
  try {
    return await staged.place(partName(number))
  } catch (error) {
    throw new OutputError(`Expected to place a part file in ${store.name}: ${messageOf(error)}`)
  } finally {
    await staged.discard()
  }
}
