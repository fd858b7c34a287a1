import fc from 'fast-check'

const { FAST_CHECK_SEED, FAST_CHECK_PATH, FAST_CHECK_RUNS } = process.env

/** Tries a property `count` times, or FAST_CHECK_RUNS times as often. Each run of the suite has a new seed. */
export const tries = (count: number): number => Math.ceil(count * Number(FAST_CHECK_RUNS ?? 1))

/** A failing property names its seed, the path to the smallest example, and the command to try it again. */
fc.configureGlobal({
  ...(FAST_CHECK_SEED !== undefined && { seed: Number(FAST_CHECK_SEED) }),
  ...(FAST_CHECK_PATH !== undefined && { path: FAST_CHECK_PATH }),
  reporter(details) {
    if (!details.failed) return
    const again = `FAST_CHECK_SEED=${details.seed} FAST_CHECK_PATH=${details.counterexamplePath} npx vitest run FILE -t TEST`
    throw new Error(`${fc.defaultReportMessage(details)}\n\nTo try it again: ${again}`, { cause: details.errorInstance })
  },
})
