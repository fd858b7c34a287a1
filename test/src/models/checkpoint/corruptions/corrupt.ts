import { mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { safetensorsBytes } from '../weights/writeSafetensors.js'

export type Json = Record<string, unknown>
export type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>

/** What is done to a good model in `folder`. */
export type Corrupt = (folder: string) => Promise<unknown>
/** What the model has then, how it comes to it, and what is said: what, where, and what was expected. */
export type Corruption = readonly [has: string, corrupt: Corrupt, said: RegExp]

export const WEIGHTS = 'model.safetensors'
export const INDEX = 'model.safetensors.index.json'

/** Each takes the name of a file, and gives what is done to it. */
export const write =
  (name: string, content: string | Uint8Array): Corrupt =>
  (folder) =>
    writeFile(join(folder, name), content)
export const without =
  (name: string): Corrupt =>
  (folder) =>
    rm(join(folder, name))
export const cut =
  (name: string, length: number): Corrupt =>
  (folder) =>
    truncate(join(folder, name), length)
export const aFolder =
  (name: string): Corrupt =>
  async (folder) => {
    await rm(join(folder, name), { force: true })
    await mkdir(join(folder, name))
  }
/** A link to itself: to whoever is root, the one file that cannot be read. */
export const aLoop =
  (name: string): Corrupt =>
  async (folder) => {
    await rm(join(folder, name))
    await symlink(name, join(folder, name))
  }
export const both =
  (first: Corrupt, second: Corrupt): Corrupt =>
  async (folder) => {
    await first(folder)
    await second(folder)
  }
/** Writes the text of a file anew. */
export const rewritten =
  (name: string, edit: (text: string) => string | Uint8Array): Corrupt =>
  async (folder) =>
    writeFile(join(folder, name), edit(await readFile(join(folder, name), 'utf8')))
/** Changes fields of a JSON file; `undefined` takes one away. */
export const changed = (name: string, edit: (json: Json) => Json): Corrupt =>
  rewritten(name, (text) => {
    const json = JSON.parse(text) as Json
    return JSON.stringify({ ...json, ...edit(json) })
  })

const headerOf = (bytes: Buffer): { header: Header; data: Buffer } => {
  const end = 8 + Number(bytes.readBigUInt64LE(0))
  return { header: JSON.parse(bytes.subarray(8, end).toString()) as Header, data: bytes.subarray(end) }
}

/** Changes the header of the weights, the weights, or how the header is written. */
export const weights =
  (edit: (header: Header, data: Buffer) => unknown, text: (header: Header) => string = JSON.stringify): Corrupt =>
  async (folder) => {
    const { header, data } = headerOf(await readFile(join(folder, WEIGHTS)))
    edit(header, data)
    await writeFile(join(folder, WEIGHTS), safetensorsBytes(text(header), data))
  }

/** Puts an index and one shard, model-1.safetensors, in the place of the one file. */
export const sharded =
  (weightMap: (names: string[]) => unknown): Corrupt =>
  async (folder) => {
    const bytes = await readFile(join(folder, WEIGHTS))
    const names = Object.keys(headerOf(bytes).header).filter((name) => name !== '__metadata__')
    await writeFile(join(folder, 'model-1.safetensors'), bytes)
    await rm(join(folder, WEIGHTS))
    await writeFile(join(folder, INDEX), JSON.stringify({ weight_map: weightMap(names) }))
  }
export const allIn = (names: string[], file: string): Json => Object.fromEntries(names.map((name) => [name, file]))
