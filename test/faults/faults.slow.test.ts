import { execFileSync } from 'node:child_process'
import { chmod, chown, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lm, reward, rxargs } from '../../test/src/cli/rxargs.js'
import {
  canLimit,
  canMount,
  type FaultRun,
  FILL_HEAP,
  faultRun,
  fill,
  isRoot,
  JUMPS,
  limitMemory,
  onceWritten,
  PROMPTS,
  preload,
  type Started,
  sleep,
} from './faultRun.js'
import { random, rounds } from './rounds.js'

let undisturbed: FaultRun
let milliseconds: number
beforeAll(async () => {
  undisturbed = await faultRun()
  const startedAt = performance.now()
  expect((await undisturbed.start().end).code).toBe(0)
  milliseconds = performance.now() - startedAt
}, 120_000)
afterAll(() => undisturbed.remove())

/** A moment of a run: at any time from its start to its end, or more often while it writes its parts. */
async function moment(run: FaultRun, started: Started): Promise<void> {
  if (random() < 0.3) return sleep(random() * milliseconds)
  await run.reach(1 + Math.floor(random() * 10), started)
  await sleep(random() * 20)
}

describe.skipIf(process.platform === 'win32')('a run loses no row and makes none twice', () => {
  rounds('after kill -9, several times', 1, async (run) => {
    let hasStruck = false
    for (let kills = 1 + Math.floor(random() * 3); kills > 0; kills--) {
      const started = run.start()
      const { child, end } = started
      await moment(run, started)
      child.kill('SIGKILL')
      const { signal, rows } = await end
      hasStruck ||= signal === 'SIGKILL' && rows < PROMPTS
    }
    await run.expectRecovery(undisturbed.out)
    return hasStruck
  })

  for (const [signal, exitCode] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)
    rounds(`after ${signal}`, 1, async (run) => {
      const started = run.start()
      const { child, end } = started
      await moment(run, started)
      child.kill(signal)
      const { code, stderr, signal: died, rows } = await end
      // Before the program has a handler, and after its work, it just ends.
      if (died === null && code !== 0) {
        expect({ code, stderr }).toMatchObject({
          code: exitCode,
          stderr: expect.stringContaining('Interrupted: finishing what is under way'),
        })
        await run.expectClean()
      }
      await run.expectRecovery(undisturbed.out)
      return code === exitCode && rows < PROMPTS
    })

  rounds('after a thread of a model crashed, with rows written', 1, async (run) => {
    const env = await preload(run, onceWritten(run, 1 + Math.floor(random() * 8), false, `throw new Error('a crash')`))
    const { code, stderr, rows } = await run.start({ env }).end
    if (code !== 0) {
      expect(code).toBe(1)
      expect(stderr).toMatch(/\nrxargs: .*a crash/)
    }
    await run.expectClean()
    await run.expectRecovery(undisturbed.out)
    return code === 1 && rows > 0 && rows < PROMPTS
  })

  rounds('beside another run', 1, async (run) => {
    const ended = await Promise.all([
      run.start().end,
      run.start().end,
      sleep(random() * milliseconds).then(() => run.start().end),
    ])
    expect(ended.map(({ code }) => code)).toContain(0)
    for (const { code, stderr } of ended) if (code !== 0) expect(stderr).toContain(`${run.out} is in use: `)
    await run.expectClean()
    await run.expectRecovery(undisturbed.out)
    return ended.some(({ code, rows }) => code !== 0 && rows < PROMPTS)
  })

  rounds('after its folder was removed', 1, async (run) => {
    const started = run.start()
    await run.reach(1 + Math.floor(random() * 5), started)
    await rename(run.out, join(run.folder, 'moved')).catch(() => undefined)
    const { code, stderr } = await started.end
    if (code !== 0)
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/rxargs: Expected to (write|place) /) })
    const rows = await run.rows(join(run.folder, 'moved'))
    await run.expectRecovery(undisturbed.out)
    return code === 1 && rows < PROMPTS
  })

  rounds('after its folder became read-only', 1, async (run) => {
    const uid = isRoot ? { uid: 65534 } : {}
    await mkdir(run.out, { recursive: true })
    if (isRoot) for (const path of [run.folder, join(run.folder, 'out'), run.out]) await chown(path, 65534, 65534)
    const started = run.start(uid)
    await run.reach(1 + Math.floor(random() * 5), started)
    await chmod(run.out, 0o555)
    const { code, stderr, rows } = await started.end
    await chmod(run.out, 0o755)
    if (code !== 0) expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('permission denied') })
    await run.expectRecovery(undisturbed.out)
    return code === 1 && rows < PROMPTS
  })

  rounds(
    'on a full disk',
    1,
    async (run) => {
      await mkdir(run.out, { recursive: true })
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', run.out])
      try {
        const started = run.start()
        await run.reach(1 + Math.floor(random() * 4), started)
        await fill(run, started)
        const { code, stderr, rows } = await started.end
        if (code !== 0) expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('no space left') })
        await rm(join(run.out, 'filler'), { force: true })
        await run.expectClean()
        await run.expectRecovery(undisturbed.out)
        return code === 1 && rows < PROMPTS
      } finally {
        execFileSync('umount', [run.out])
      }
    },
    !canMount,
  )

  rounds('where a file may not grow', 1, async (run) => {
    // Its one part would have more. The signal of the limit is ignored, so that a write fails instead.
    const limits = { before: 'trap "" XFSZ; ulimit -f 1100', flags: ['--part-rows', '1000', '--part-seconds', '600'] }
    const { code, stderr, rows } = await run.start(limits).end
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/rxargs: Expected to write .*(EFBIG|too large)/),
    })
    await run.expectClean()
    await run.expectRecovery(undisturbed.out)
    return rows < PROMPTS
  })

  rounds('while the clock jumps', 1, async (run) => {
    const env = await preload(run, JUMPS)
    const { code, stderr } = await run.start({ env }).end
    expect({ code, stderr }).toMatchObject({ code: 0 })
    await run.expectRecovery(undisturbed.out)
    // It looks at the clock for each row.
    return Number(stderr.match(/clock jumped (\d+) times/)?.[1]) >= PROMPTS
  })

  for (const [name, isMain, message] of [
    ['the heap of the program', true, /FATAL ERROR: .*heap out of memory/],
    ['the heap of a thread of a model', false, /\nrxargs: The worker of .* failed: .*JS heap out of memory\n/],
  ] as const)
    rounds(`after ${name} was full, with rows written`, 1, async (run) => {
      const { NODE_OPTIONS } = await preload(run, onceWritten(run, 1 + Math.floor(random() * 8), isMain, FILL_HEAP))
      const { code, stderr, rows } = await run.start({ env: { NODE_OPTIONS: `--max-old-space-size=100 ${NODE_OPTIONS}` } }).end
      if (code !== 0) expect(stderr).toMatch(message)
      if (!isMain) await run.expectClean()
      await run.expectRecovery(undisturbed.out)
      return code !== 0 && rows > 0 && rows < PROMPTS
    })

  rounds(
    'after it ran out of address space, with rows written',
    1,
    async (run) => {
      const started = run.start()
      await run.reach(1 + Math.floor(random() * 8), started)
      await limitMemory(started, Math.floor(random() * 2 ** 20)).catch(() => undefined)
      const { code, stderr, rows } = await started.end
      if (code !== 0) expect(stderr).toMatch(/out of memory|no memory is left|Array buffer allocation failed/i)
      await run.expectRecovery(undisturbed.out)
      return code !== 0 && rows > 0 && rows < PROMPTS
    },
    !canLimit,
  )

  it('of a model whose logits are NaN: each prompt has an error row, and the run fails', { timeout: 300_000 }, async () => {
    const broken = join(undisturbed.folder, 'lm')
    await cp(lm, broken, { recursive: true })
    const path = join(broken, 'model.safetensors')
    const weights = await readFile(path)
    const length = Number(weights.readBigUInt64LE(0))
    const header = JSON.parse(weights.toString('utf8', 8, 8 + length)) as Record<string, { data_offsets: [number, number] }>
    const [from, to] = header['model.norm.weight']!.data_offsets
    for (let at = 8 + length + from; at < 8 + length + to; at += 4) weights.writeFloatLE(3e38, at)
    await writeFile(path, weights)
    const run = await faultRun(['--lm', broken, '--reward', reward])
    const { code, stderr } = await run.start().end
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('rxargs: Every row is an error row') })
    expect(stderr).toContain('Expected finite values, got NaN')
    await run.expectClean()
    expect((await rxargs(['verify', run.out, '--input', run.input])).stdout).toContain(
      `${PROMPTS} of them error rows: complete, each once, undamaged`,
    )
    await run.remove()
  })
})
