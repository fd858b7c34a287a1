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
