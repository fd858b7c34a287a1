import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { AdapterMemory, GpuAdapter } from './adapter.js'

const MIB = 2 ** 20

/** Memory of a card, as the system tells it. */
export type Card = Readonly<{ name?: string; memory: AdapterMemory }>

/** Cards of one vendor. */
export type CardsOf = (vendor: string) => Promise<readonly Card[]>

/** Adds the memory that the system knows of each adapter. WebGPU itself does not tell it. */
export async function withMemory(adapters: readonly GpuAdapter[], cardsOf: CardsOf = systemCards): Promise<GpuAdapter[]> {
  return Promise.all(
    adapters.map(async (adapter) => {
      const memory = await memoryOf(adapter, cardsOf)
      return memory ? { ...adapter, memory } : adapter
    }),
  )
}

async function memoryOf({ name, details }: GpuAdapter, cardsOf: CardsOf): Promise<AdapterMemory | undefined> {
  if (!details) return undefined
  if (details.software || details.vendor === 'apple') return { bytes: totalmem(), shared: true }
  const cards = await cardsOf(details.vendor)
  const own = cards.filter((card) => card.name === undefined || card.name === name)
  // Which of several cards the adapter is, nobody says.
  const [first, ...others] = own
  if (!first || others.some(({ memory }) => memory.bytes !== first.memory.bytes)) return undefined
  return others.length === 0 ? first.memory : { bytes: first.memory.bytes }
}

const systemCards: CardsOf = async (vendor) => {
  if (vendor === 'nvidia') return nvidiaCards(await output('nvidia-smi', QUERY))
  return vendor === 'amd' && process.platform === 'linux' ? amdCards('/sys/class/drm') : []
}

const QUERY = ['--query-gpu=name,memory.total,memory.free', '--format=csv,noheader,nounits']

const output = async (command: string, args: readonly string[]): Promise<string> =>
  promisify(execFile)(command, args, { timeout: 20_000, windowsHide: true }).then(
    ({ stdout }) => stdout,
    () => '',
  )

/** Reads what nvidia-smi prints: name, memory and free memory in MiB, a line for each card. */
export const nvidiaCards = (csv: string): Card[] =>
  csv.split('\n').flatMap((line) => {
    const [, name, total, free] = /^(.+), (\d+), (\d+)\s*$/.exec(line) ?? []
    return name === undefined ? [] : [{ name, memory: { bytes: Number(total) * MIB, free: Number(free) * MIB } }]
  })

/** Graphics units within a processor set little memory aside and use the system's as well, so that number says nothing. */
const LEAST_CARD = 2 ** 31

/** Reads the files of AMD's driver in Linux. */
export async function amdCards(folder: string): Promise<Card[]> {
  const names = await readdir(folder).catch((): string[] => [])
  const cards = names
    .filter((name) => /^card\d+$/.test(name))
    .map(async (name): Promise<Card[]> => {
      const number = async (file: string) =>
        readFile(join(folder, name, 'device', file), 'utf8').then(
          (text) => Number(text),
          () => Number.NaN,
        )
      const [bytes, used] = await Promise.all(['mem_info_vram_total', 'mem_info_vram_used'].map(number))
      if (!(bytes! >= LEAST_CARD)) return []
      return [{ memory: { bytes: bytes!, ...(used! >= 0 && { free: bytes! - used! }) } }]
    })
  return (await Promise.all(cards)).flat()
}
