/** Calls of one sequence follow one another: a second one waits for the next wave. */
export function waves<Call extends Readonly<{ key: number }>>(calls: readonly Call[]): Call[][] {
  const found: Call[][] = []
  const seen = new Map<number, number>()
  for (const call of calls) {
    const wave = seen.get(call.key) ?? 0
    seen.set(call.key, wave + 1)
    const group = found[wave]
    if (group) group.push(call)
    else found[wave] = [call]
  }
  return found
}
