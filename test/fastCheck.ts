import fc from 'fast-check'

const { FAST_CHECK_SEED, FAST_CHECK_PATH, FAST_CHECK_RUNS } = process.env

/** How often a property is tried: `count` times, or FAST_CHECK_RUNS times as often. Each run of the suite has a seed of its own. */
export const tries = (count: number): number => Math.ceil(count * Number(FAST_CHECK_RUNS ?? 1))

/** A property that fails names its seed and the path to the smallest example, and how to try that one again. */
fc.configureGlobal({
  ...(FAST_CHECK_SEED !== undefined && { seed: Number(FAST_CHECK_SEED) }),
  ...(FAST_CHECK_PATH !== undefined && { path: FAST_CHECK_PATH }),
  reporter(details) {
    if (!details.failed) return
    const again = `FAST_CHECK_SEED=${details.seed} FAST_CHECK_PATH=${details.counterexamplePath} npx vitest run FILE -t TEST`
    throw new Error(`${fc.defaultReportMessage(details)}\n\nTo try it again: ${again}`, { cause: details.errorInstance })
  },
})
