import { hash } from '../../core/uniform.js'

/** One of `count` shares of a dataset; `index` is from 1 to `count`. */
export type Shard = Readonly<{ index: number; count: number }>

/** Keeps the choice of a shard apart from the random numbers of a row, which also begin with a hash of its id. */
const SALT = 0x7368_6172

/**
 * Whether a prompt belongs to a shard. It depends on the id alone, so each prompt is in exactly one shard, prompts of one id are in the same,
 * and a prompt stays in its shard when others come or go.
 */
export const isInShard = (id: string, { index, count }: Shard): boolean => hash(id, SALT) % count === index - 1

/** Yields the first `count` items of a source, or all of them without a count. */
export async function* takeFirst<T>(source: AsyncIterable<T>, count: number | undefined): AsyncGenerator<T> {
  if (count === undefined) return yield* source
  let left = count
  if (left === 0) return
  for await (const item of source) {
    yield item
    if (--left === 0) return
  }
}

/** Yields the prompts of a shard, or all of them without one. */
export async function* takeShard<P extends Readonly<{ id: string }>>(
  prompts: AsyncIterable<P>,
  shard: Shard | undefined,
): AsyncGenerator<P> {
  if (shard === undefined) return yield* prompts
  for await (const prompt of prompts) if (isInShard(prompt.id, shard)) yield prompt
}
