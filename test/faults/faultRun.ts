import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { pair, root, rxargs } from '../../test/src/cli/rxargs.js'
import { query } from '../../test/src/io/duckdb.js'

export const PROMPTS = 40

export type Ended = Readonly<{
  code: number | null
  signal: NodeJS.Signals | null
  stderr: string
  /** Rows that its folder held when it had ended. */
  rows: number
}>
export type Started = Readonly<{ child: ChildProcess; end: Promise<Ended> }>
export type StartOptions = Readonly<{ env?: NodeJS.ProcessEnv; uid?: number; flags?: readonly string[]; before?: string }>

const works = (program: string, ...args: string[]): boolean => {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const isLinux = process.platform === 'linux'
export const isRoot = process.getuid?.() === 0
export const canMount = isLinux && isRoot && works('unshare', '--mount', 'true')
/** For `limitMemory`. */
export const canLimit = isLinux && works('prlimit', '--version')

const isPart = (name: string): boolean => /^part-\d{5}\.parquet$/.test(name)

export const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** A folder with prompts, and a program that decodes them into `out`: what breaks it, and how its rows are judged afterwards. */
export async function faultRun(model: readonly string[] = pair) {
  const folder = await mkdtemp(join(tmpdir(), 'rxargs-fault-'))
  const input = join(folder, 'in.jsonl')
  const out = join(folder, 'out', 'rows')
  // Text that does not compress, so that one part file of all rows has almost 2 MB.
  const filler = () => randomBytes(45_000).toString('base64')
  const lines = Array.from({ length: PROMPTS }, (_, index) =>
    JSON.stringify({ id: `row-${index}`, prompt: `Tell me about ${index}`, filler: filler() }),
  )
  await writeFile(input, lines.join('\n'))
  const args = ['generate', input, ...model, '--max-new-tokens', '12', '--concurrency', '4', '--part-rows', '3', '--keep-input']
  const names = async (at = out): Promise<string[]> => (await readdir(at).catch(() => [])).sort()
  const parts = async (at = out): Promise<number> => (await names(at)).filter((name) => name.startsWith('part-')).length
  const rows = async (at = out): Promise<number> =>
    (await parts(at)) === 0 ? 0 : Number((await query(`select count(*) as n from '${at}/part-*.parquet'`))[0]!.n)

  const ended: string[] = []
  const start = ({ env, uid, flags = [], before }: StartOptions = {}): Started => {
    const command = [process.execPath, `${root}dist/src/cli/main.js`, ...args, '-o', out, ...flags]
    const options = { env: { ...process.env, ...env }, ...(uid !== undefined && { uid }) }
    const child =
      before === undefined
        ? spawn(command[0]!, command.slice(1), options)
        : spawn('bash', ['-c', `${before}; exec "$@"`, 'bash', ...command], options)
    let stderr = ''
    child.stderr.on('data', (text) => {
      stderr += String(text)
    })
    const end = new Promise<Ended>((resolve) =>
      child.once('close', async (code, signal) => {
        const held = await rows()
        ended.push(`${code ?? signal} with ${held} of ${PROMPTS} rows`)
        resolve({ code, signal, stderr, rows: held })
      }),
    )
    return { child, end }
  }

  return {
    ...{ folder, input, out, rows, start },
    /** How its runs ended, in their order. */
    ended,
    /** Waits until a run has written so many parts, or has ended. */
    async reach(count: number, { child }: Started): Promise<void> {
      while ((await parts()) < count && child.exitCode === null && child.signalCode === null) await sleep(5)
    },
    /** Nothing but whole parts is left, and none of them is damaged or has a row twice. */
    async expectClean(): Promise<void> {
      const left = await names()
      expect(left.filter((name) => !isPart(name))).toEqual([])
      if (left.length === 0) return
      const { stdout, code } = await rxargs(['verify', out])
      expect({ stdout, code }).toMatchObject({ code: 0, stdout: expect.stringContaining('each once, undamaged') })
    },
    /** The same command ends well, and then each prompt has its row: those of a run that nothing has disturbed. */
    async expectRecovery(whole: string): Promise<void> {
      const made = async (): Promise<unknown[]> =>
        (await parts()) === 0 ? [] : await query(`select id, started_at::text as at from '${out}/part-*.parquet'`)
      const before = await made()
      const { code, stderr } = await start().end
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect((await names()).filter((name) => !isPart(name))).toEqual([])
      // A row that is there is not decoded again.
      expect(await made()).toEqual(expect.arrayContaining(before))
      const verified = await rxargs(['verify', out, '--input', input])
      expect(verified.stdout).toMatch(new RegExp(`^${PROMPTS} rows in \\d+ files: complete, each once, undamaged\\n$`))
      const columns = 'id, sample, completion, token_ids, rewards, reward, error, seed'
      const sorted = (at: string) => query(`select ${columns} from '${at}/*.parquet' order by id`)
      expect(await sorted(out)).toEqual(await sorted(whole))
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

export type FaultRun = Awaited<ReturnType<typeof faultRun>>

/** A module that Node loads before the program, in each of its threads. */
export async function preload({ folder }: FaultRun, code: string): Promise<NodeJS.ProcessEnv> {
  const path = join(folder, 'preload.mjs')
  await writeFile(path, `import { isMainThread } from 'node:worker_threads'\n${code}`)
  return { NODE_OPTIONS: `--import ${path}` }
}

/** A clock that is somewhere else in ten years at each look, and says at the end how often somebody looked. */
export const JUMPS = `
const now = Date.now.bind(Date)
const YEARS = 10 * 365 * 86_400_000
let looks = 0
Date.now = () => {
  looks++
  return now() + Math.round((Math.random() - 0.5) * YEARS)
}
if (isMainThread) process.on('exit', () => process.stderr.write('clock jumped ' + looks + ' times\\n'))
`

/** Code that takes memory until the heap is full. */
export const FILL_HEAP = 'for (const held = []; ; ) held.push(new Array(100_000).fill(0.5))'

/** Once the run has written so many parts, the main thread, or each thread of a model, runs this code. */
export const onceWritten = ({ out }: FaultRun, parts: number, isMain: boolean, code: string): string => `
import { readdirSync } from 'node:fs'
function countParts() {
  try {
    return readdirSync(${JSON.stringify(out)}).filter((name) => name.startsWith('part-')).length
  } catch {
    return 0
  }
}
function strike() {
  if (countParts() < ${parts}) return
  ${code}
}
if (isMainThread === ${isMain}) setInterval(strike, 5).unref()
`

/** Lets a process take no more memory than it has and so many bytes. */
export async function limitMemory({ child: { pid } }: Started, more: number): Promise<void> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kilobytes = Number(status.match(/^VmSize:\s+(\d+) kB$/m)![1])
  execFileSync('prlimit', ['--pid', String(pid), `--as=${kilobytes * 1024 + more}`])
}

/** Fills the disk of the output folder to its last byte. */
export async function fill({ out }: FaultRun, { child }: Started): Promise<void> {
  for (let size = 65_536; child.exitCode === null && size >= 1; size = Math.floor(size / 2))
    await writeFile(join(out, 'filler'), Buffer.alloc(size), { flag: 'a' }).then(
      () => (size *= 2),
      () => undefined,
    )
}
