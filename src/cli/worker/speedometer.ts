/** How far back the speed looks. */
const WINDOW_MS = 30_000

/** Measures rows and tokens a second over the last half minute, or since the first if that is less. */
export function speedometer(now: () => number = () => performance.now()) {
  const reports: Readonly<{ at: number; rows: number; tokens: number }>[] = []
  let since: number | undefined
  return {
    add(rows: number, tokens: number): void {
      since ??= now()
      reports.push({ at: now(), rows, tokens })
    },
    read() {
      while (reports[0] !== undefined && reports[0].at < now() - WINDOW_MS) reports.shift()
      const seconds = Math.max(1_000, Math.min(WINDOW_MS, now() - (since ?? now()))) / 1000
      const sum = (of: 'rows' | 'tokens'): number => reports.reduce((all, report) => all + report[of], 0)
      return { rows: sum('rows') / seconds, tokens: sum('tokens') / seconds }
    },
  }
}
