import { OutputError } from '../../core/errors.js'
import type { PartStore } from './PartStore.js'

const HOLD = /^\.queue-([\w-]+)\.lock$/
const holdName = (run: string): string => `.queue-${run}.lock`

/** Makes a place the output of a run in a queue, until `releaseForQueue`: other runs keep out, and workers see that it is the right one. */
export async function holdForQueue(store: PartStore, run: string): Promise<void> {
  const staged = await store.stage(Buffer.from(`{"run":"${run}"}\n`))
  try {
    await staged.place(holdName(run))
  } finally {
    await staged.discard()
  }
}

/** Whether a place is the output of this run. A worker on another machine may see another folder under the same path. */
export const isHeldForQueue = (store: PartStore, run: string): Promise<boolean> => store.has(holdName(run))

/** Ends what `holdForQueue` began. */
export const releaseForQueue = (store: PartStore, run: string): Promise<void> => store.remove([store.pathOf(holdName(run))])

/**
 * @param own run of a queue that may have the place
 * @throws OutputError if the place is the output of another run in a queue
 */
export async function checkQueueHolds(store: PartStore, own?: string): Promise<void> {
  for (const name of await store.list()) {
    const run = name.match(HOLD)?.[1]
    if (run !== undefined && run !== own)
      throw new OutputError(
        `${store.name} is the output of the run ${run} of a queue, whose workers write to it. Wait for it, or cancel it: rxargs queue cancel ${run}; if that queue is gone, remove ${store.pathOf(name)}`,
      )
  }
}
