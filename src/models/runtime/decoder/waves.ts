/** Splits calls into waves with at most one call per sequence. A second call goes into the next wave. */
export function waves<Call extends Readonly<{ key: number }>>(calls: readonly Call[]): Call[][] {
  const found: Call[][] = []
  const counts = new Map<number, number>()
  for (const call of calls) {
    const wave = counts.get(call.key) ?? 0
    counts.set(call.key, wave + 1)
    const group = found[wave]
    if (group) group.push(call)
    else found[wave] = [call]
  }
  return found
}
