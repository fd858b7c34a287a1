import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { messageOf, OutputError } from '../core/errors.js'
import { makeFolder } from './outputFolder.js'

const LOCK = /^\.run-[\w-]+\.lock$/
const UNPLACED = /^\.run-[\w-]+\.tmp$/

/** `birth` distinguishes the process from a later one with the same number; null if the platform cannot tell. */
const ownerSchema = z.object({ host: z.string(), pid: z.int(), startedAt: z.string(), birth: z.string().nullable() })
type Owner = z.output<typeof ownerSchema>

/** Two processes that start together see each other's file. One gives up; the other looks again, this often. */
const LOOKS = 20
const LOOK_MS = 100

/** The lock files of this process; `process.exit` removes them, too. */
const folders = new Set<string>()
const removeHeld = (): void => {
  for (const path of folders) rmSync(path, { force: true })
}

/**
 * Makes this process the only writer of a folder until `release` is called or the process ends. Removes the lock files of dead processes of
 * this machine. Each writer first writes a file of its own and then looks for others, so of two writers at least one sees the other.
 *
 * @returns `release`
 * @throws OutputError if another process writes to the folder (the message names it), or the folder cannot be written
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const name = `.run-${randomUUID()}.lock`
  const path = join(folder, name)
  const release = async () => {
    await rm(path, { force: true })
    folders.delete(path)
    if (folders.size === 0) process.off('exit', removeHeld)
  }
  if (folders.size === 0) process.on('exit', removeHeld)
  folders.add(path)
  try {
    await place(path)
    for (let look = 1; ; look++) {
      const others = await liveOwners(folder, name)
      const [other] = others
      if (other === undefined) return release
      if (look === LOOKS || others.some((each) => each.name < name)) throw new OutputError(heldBy(folder, other))
      await sleep(LOOK_MS)
    }
  } catch (error) {
    await release()
    throw error
  }
}

/** Writes the file under another name first, so that nobody reads half of it. A failed run may just have removed the empty folder: then it is made again. */
async function place(path: string, looks = LOOKS): Promise<void> {
  const owner: Owner = {
    host: hostname(),
    pid: process.pid,
    startedAt: new Date(performance.timeOrigin).toISOString(),
    birth: birthOf(process.pid)?.birth ?? null,
  }
  const temporary = path.replace(/lock$/, 'tmp')
  try {
    await writeFile(temporary, `${JSON.stringify(owner)}\n`, { flag: 'wx' })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && looks > 1) {
      await makeFolder(dirname(path))
      return place(path, looks - 1)
    }
    throw new OutputError(`Expected to write a lock file into the output folder: ${messageOf(error)}`)
  }
}

type Held = Readonly<{ name: string; owner: Owner | undefined }>

async function liveOwners(folder: string, own: string): Promise<Held[]> {
  const all = await readdir(folder)
  const names = all.filter((name) => LOCK.test(name) && name !== own)
  const live: Held[] = []
  for (const name of names) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => undefined)
    if (text === undefined) continue // Its owner has just released it.
    const owner = ownerOf(text)
    if (owner === undefined || isAlive(owner)) live.push({ name, owner })
    else await rm(join(folder, name), { force: true })
  }
  // A process that died before its lock file had its name.
  for (const name of all.filter((each) => UNPLACED.test(each))) {
    const owner = ownerOf(await readFile(join(folder, name), 'utf8').catch(() => ''))
    if (owner !== undefined && !isAlive(owner)) await rm(join(folder, name), { force: true })
  }
  return live
}

function ownerOf(text: string): Owner | undefined {
  try {
    return ownerSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** A process on another machine counts as alive. */
function isAlive({ host, pid, birth }: Owner): boolean {
  if (host !== hostname()) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const now = birthOf(pid)
  return now === undefined || birth === null || (now.birth === birth && !now.hasEnded)
}

/** On Linux: when the process started, counted from which boot, and whether it is a zombie. */
export function birthOf(pid: number): Readonly<{ birth: string; hasEnded: boolean }> | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field, the program's name, may hold spaces and parentheses.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { birth: `${boot} ${fields[18]}`, hasEnded: state === 'Z' || state === 'X' }
  } catch {
    return undefined
  }
}

function heldBy(folder: string, { name, owner }: Held): string {
  const lock = join(folder, name)
  if (owner === undefined)
    return `${folder} is in use, but its lock file cannot be read. If no other run uses the folder, remove ${lock}`
  const { host, pid, startedAt } = owner
  const who = pid === process.pid && host === hostname() ? 'this process' : `process ${pid} on ${host}, started ${startedAt},`
  return `${folder} is in use: ${who} is writing to it. Wait for it, or use another folder; if it has ended, remove ${lock}`
}
