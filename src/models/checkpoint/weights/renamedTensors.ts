import type { Tensors } from './safetensors.js'

/** The same tensors under other names; `rename` maps a stored name to its new one. Messages have the stored names. */
export function renamedTensors(tensors: Tensors, rename: (name: string) => string): Tensors {
  const entries = new Map([...tensors.entries].map(([name, tensor]) => [rename(name), tensor]))
  const stored = new Map(tensors.names.map((name) => [rename(name), name]))
  const original = (name: string) => stored.get(name) ?? name
  return {
    ...tensors,
    entries,
    names: tensors.names.map(rename),
    has: (name) => tensors.has(original(name)),
    nameOf: (names) => rename(tensors.nameOf(names.map(original))),
    require: (name, shape) => tensors.require(original(name), shape),
  }
}
