import { posix } from 'node:path'
import { importsOf, type Node, nameOf, nodesOf, type SourceFile, targetOf } from './arrows.js'

/** Rules inside the rooms as functions of a list of files. Each returns one line a breach. */

/** The stages of `pipelines`, and which of them each may import. */
const stages: Readonly<Record<string, readonly string[]>> = {
  decoding: [],
  decoders: ['decoding'],
  searches: ['decoders', 'decoding'],
  registry: ['searches', 'decoders', 'decoding'],
  rewards: ['decoding'],
  schedule: ['rewards'],
  run: ['registry', 'schedule', 'rewards', 'decoding'],
  evaluation: ['run', 'registry', 'schedule', 'rewards', 'searches', 'decoders', 'decoding'],
}

/** What the verbs of the command line share. */
const shared = ['flags', 'print', 'run']
/** Files of src/cli that are no verb. They may import any. */
const program = ['main.ts', 'program.ts', 'runCommand.ts', 'terminal.ts']

const inside = (room: string, path: string): string | undefined =>
  path.startsWith(`${room}/`) ? path.slice(room.length + 1).split('/')[0] : undefined

/** Inside `pipelines`, imports go from the later stage to the earlier one only. */
export const brokenStages = (files: readonly SourceFile[]): string[] =>
  importsBetween('pipelines', files).flatMap(({ path, from, target, to }) =>
    from === to || stages[from]?.includes(to) ? [] : [`${path} imports ${target}`],
  )

/** A verb imports what verbs share, and no other verb. */
export const verbsTogether = (files: readonly SourceFile[]): string[] =>
  importsBetween('src/cli', files).flatMap(({ path, from, target, to }) => {
    const allowed = from === to || program.includes(from) || shared.includes(to) || to === 'terminal.ts'
    return allowed ? [] : [`${path} imports ${target}`]
  })

const importsBetween = (room: string, files: readonly SourceFile[]) =>
  files.flatMap((file) => {
    const from = inside(room, file.path)
    if (from === undefined) return []
    return importsOf(file).flatMap(({ specifier }) => {
      const target = specifier === null ? undefined : targetOf(file.path, specifier)
      const to = target === undefined ? undefined : inside(room, target)
      return target === undefined || to === undefined ? [] : [{ path: file.path, from, target, to }]
    })
  })

/** The most files of a folder. `operators`, a vocabulary, may have more. */
const MOST_FILES = 20

export function fullFolders(files: readonly SourceFile[]): string[] {
  const counts = new Map<string, number>()
  for (const { path } of files) counts.set(posix.dirname(path), (counts.get(posix.dirname(path)) ?? 0) + 1)
  return [...counts].flatMap(([folder, count]) =>
    count > MOST_FILES && folder !== 'operators' ? [`${folder} has ${count} files, at most ${MOST_FILES}`] : [],
  )
}

/** Names that a file declares and exports, types included. */
const declared = (file: SourceFile): string[] =>
  nodesOf(file).flatMap((node) => {
    const declaration = node.type === 'ExportNamedDeclaration' ? (node.declaration as Node | null) : null
    if (declaration === null) return []
    if (declaration.type === 'VariableDeclaration')
      return (declaration.declarations as Node[]).flatMap(({ id }) => nameOf(id) ?? [])
    return nameOf(declaration.id) ?? []
  })

/** No exported name has two meanings: each is declared in one file. */
export function namesWithTwoMeanings(files: readonly SourceFile[]): string[] {
  const places = new Map<string, Set<string>>()
  for (const file of files) for (const name of declared(file)) places.set(name, (places.get(name) ?? new Set()).add(file.path))
  return [...places].flatMap(([name, paths]) =>
    paths.size > 1 ? [`${name} is declared in ${[...paths].sort().join(' and ')}`] : [],
  )
}
