import { mkdir, writeFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { GpuAdapter } from '../../../../src/models/adapters/adapter.js'
import { amdCards, type Card, nvidiaCards, withMemory } from '../../../../src/models/adapters/adapterMemory.js'
import { tempFolder } from '../../../tempFolder.js'

const GIB = 2 ** 30
const adapter = (name: string, vendor: string, software = false): GpuAdapter => ({
  ...{ name, backend: 'vulkan' },
  details: { vendor, software, driver: '', float16: true, subgroups: true, maxBuffer: GIB, maxBinding: GIB },
})
const memoryOf = async (one: GpuAdapter, cards: readonly Card[]) => (await withMemory([one], async () => cards))[0]!.memory

describe('withMemory', () => {
  it.each([
    ['that of the card of its name', [card('A', 8), card('B', 16, 3)], { bytes: 16 * GIB, free: 3 * GIB }],
    ['that of the only card', [card(undefined, 16)], { bytes: 16 * GIB, free: GIB }],
    ['what cards of one name have in common', [card('B', 16, 1), card('B', 16, 2)], { bytes: 16 * GIB }],
    ['nothing, where cards of one name differ', [card('B', 16), card('B', 8)], undefined],
    ['nothing, where no card has its name', [card('A', 16)], undefined],
  ])('gives %s', async (_, cards, memory) => expect(await memoryOf(adapter('B', 'nvidia'), cards)).toEqual(memory))

  it.each([
    ['renderers in software', adapter('llvmpipe', 'mesa', true)],
    ["Apple's GPUs", adapter('Apple M3', 'apple')],
  ])("gives the system's memory to %s", async (_, one) =>
    expect(await memoryOf(one, [card('other', 1)])).toEqual({ bytes: totalmem(), shared: true }),
  )

  it('leaves an adapter that is known by name alone', async () =>
    expect(await memoryOf({ name: 'B', backend: 'vulkan' }, [card('B', 16)])).toBeUndefined())
})

function card(name: string | undefined, total: number, free = 1): Card {
  return { ...(name !== undefined && { name }), memory: { bytes: total * GIB, free: free * GIB } }
}

describe('nvidiaCards', () => {
  it('reads the lines of nvidia-smi, and leaves those without numbers', () =>
    expect(nvidiaCards('NVIDIA H200, 143771, 143000\nNVIDIA GB10, [N/A], [N/A]\nA, B, 8192, 1\n')).toEqual([
      { name: 'NVIDIA H200', memory: { bytes: 143771 * 2 ** 20, free: 143000 * 2 ** 20 } },
      { name: 'A, B', memory: { bytes: 8 * GIB, free: 2 ** 20 } },
    ]))
})

describe('amdCards', () => {
  let folder: string
  tempFolder((path) => {
    folder = path
  })

  it('reads the files of cards, and leaves outputs, other drivers and units that use the memory of the system', async () => {
    const files = { card0: [24 * GIB, GIB], card1: [512 * 2 ** 20, 0], 'card0-DP-1': [24 * GIB, 0] }
    for (const [name, [total, used]] of Object.entries(files)) {
      await mkdir(join(folder, name, 'device'), { recursive: true })
      await writeFile(join(folder, name, 'device', 'mem_info_vram_total'), `${total}\n`)
      await writeFile(join(folder, name, 'device', 'mem_info_vram_used'), `${used}\n`)
    }
    await mkdir(join(folder, 'card2', 'device'), { recursive: true })
    expect(await amdCards(folder)).toEqual([{ memory: { bytes: 24 * GIB, free: 23 * GIB } }])
  })

  it('finds none where there is no such folder', async () => expect(await amdCards(join(folder, 'none'))).toEqual([]))
})
