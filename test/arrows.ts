import { posix } from 'node:path'
import { parseAst } from 'vitest/node'

/** The rules of src/README.md, "Rooms", as functions of a list of files. Each returns one line per breach. Paths have forward slashes. */
export type SourceFile = Readonly<{ path: string; text: string }>

export type Node = Readonly<{ type: string } & Record<string, unknown>>
type Import = Readonly<{ specifier: string | null }>

/** Which rooms a room may import; a room may always import itself. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  'src/core': [],
  ...Object.fromEntries(['eval', 'models', 'io', 'watch', 'queue'].map((room) => [`src/${room}`, ['src/core']])),
  operators: ['src/core'],
  pipelines: ['operators', 'src/eval', 'src/core'],
  // Runs in a browser, so it knows none of the others. The first room of a path is its room.
  'src/server/page': [],
  'src/cli': ['src/server', 'pipelines', 'operators', 'src/eval', 'src/models', 'src/io', 'src/watch', 'src/queue', 'src/core'],
  'src/server': ['pipelines', 'operators', 'src/eval', 'src/models', 'src/io', 'src/watch', 'src/core'],
  'src/rxjs.ts': [],
  'src/zod.ts': [],
  'src/index.ts': ['pipelines', 'operators', 'src/eval', 'src/models', 'src/io', 'src/core'],
}

/** Rooms without files, clocks or threads import no Node module. */
const pureRooms = ['src/core', 'src/eval', 'operators', 'pipelines', 'src/server/page']

/** The only room that imports a library. Every room may import `rxjs` and `zod`. */
export const homes: Readonly<Record<string, string>> = {
  '@aws-sdk/client-s3': 'src/io',
  '@observablehq/plot': 'src/cli',
  linkedom: 'src/cli',
  '@bufbuild/protobuf': 'src/models',
  bullmq: 'src/queue',
  ioredis: 'src/queue',
  '@hono/node-server': 'src/server',
  hono: 'src/server',
  ...Object.fromEntries(
    ['api', 'exporter-trace-otlp-http', 'resources', 'sdk-trace'].map((name) => [`@opentelemetry/${name}`, 'src/watch']),
  ),
  pino: 'src/watch',
  'prom-client': 'src/watch',
  '@huggingface/gguf': 'src/models',
  '@huggingface/jinja': 'src/models',
  '@huggingface/tokenizers': 'src/models',
  '@mlc-ai/web-xgrammar': 'src/models',
  '@streamparser/json': 'src/io',
  '@eslint-community/regexpp': '*',
  commander: 'src/cli',
  'es-module-lexer': 'src/cli',
  'csv-parse': 'src/io',
  fzstd: 'src/io',
  hyparquet: 'src/io',
  'hyparquet-writer': 'src/io',
  'hyparquet-compressors': 'src/io',
  'onnxruntime-node': 'src/models',
  'parquetjs-lite': 'src/io',
  picomatch: 'src/io',
  re2js: 'pipelines',
  rxjs: '*',
  'string-width': 'src/cli',
  webgpu: 'src/models',
  yaml: 'pipelines',
  zod: '*',
}

/** Libraries that are built into the page; who installs rxargs does not install them. */
const bundled: Readonly<Record<string, string>> = { preact: 'src/server/page', 'eventsource-parser': 'src/server/page' }

export const roomOf = (path: string): string | undefined =>
  Object.keys(arrows).find((room) => path === room || path.startsWith(`${room}/`))

const trees = new Map<string, Node[]>()

/** All nodes of a file's syntax tree, in source order. */
export function nodesOf({ path, text }: SourceFile): readonly Node[] {
  const known = trees.get(text)
  if (known) return known
  const nodes: Node[] = []
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    if ('type' in value && typeof value.type === 'string') nodes.push(value as Node)
    Object.values(value).forEach(visit)
  }
  visit(parseAst(text, { lang: path.endsWith('.tsx') ? 'tsx' : 'ts' }, path))
  trees.set(text, nodes)
  return nodes
}

const literalOf = (node: unknown): string | null => {
  const value = (node as { value?: unknown } | null | undefined)?.value
  return typeof value === 'string' ? value : null
}

export const nameOf = (node: unknown): string | undefined => (node as { name?: string } | null | undefined)?.name

/** Static and dynamic imports, re-exports, type imports, and the worker files named by `new URL('…', import.meta.url)`. */
export function importsOf(file: SourceFile): Import[] {
  return nodesOf(file).flatMap((node): Import[] => {
    switch (node.type) {
      case 'ImportDeclaration':
        return [{ specifier: literalOf(node.source) }]
      case 'ExportNamedDeclaration':
      case 'ExportAllDeclaration':
        return node.source ? [{ specifier: literalOf(node.source) }] : []
      case 'ImportExpression':
        return [{ specifier: literalOf(node.source) }]
      case 'TSImportType':
        return [{ specifier: literalOf(node.source) }]
      case 'TSExternalModuleReference':
        return [{ specifier: literalOf(node.expression) }]
      case 'NewExpression': {
        const [target, base] = node.arguments as Node[]
        const specifier = literalOf(target)
        const local = nameOf(node.callee) === 'URL' && specifier?.endsWith('.js') && base?.type === 'MemberExpression'
        return local ? [{ specifier }] : []
      }
      default:
        return []
    }
  })
}

/** The file that a relative specifier names, `.tsx` as `.ts`; undefined for a package. */
export const targetOf = (path: string, specifier: string): string | undefined =>
  specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts') : undefined

const packageOf = (specifier: string): string => specifier.match(/^(?:@[^/]+\/)?[^/]+/)![0]

/** Every import goes along an arrow. Only entry points may compute an import, because this cannot check it. */
export const brokenArrows = (files: readonly SourceFile[]): string[] =>
  files.flatMap((file) => {
    const room = roomOf(file.path)
    if (room === undefined) return [`${file.path} is in no room`]
    return importsOf(file).flatMap(({ specifier }) => {
      if (specifier === null) return room === 'src/cli' ? [] : [`${file.path} imports a computed name`]
      const target = targetOf(file.path, specifier)
      if (target === undefined) return []
      const other = roomOf(target)
      return other === room || (other !== undefined && arrows[room]!.includes(other)) ? [] : [`${file.path} imports ${target}`]
    })
  })

/** Libraries stay in their homes, pure rooms import no Node module, and nothing imports a library outside `homes`. */
export const strayLibraries = (files: readonly SourceFile[]): string[] =>
  files.flatMap((file) =>
    importsOf(file).flatMap(({ specifier }) => {
      if (specifier === null || specifier.startsWith('.')) return []
      const room = roomOf(file.path)
      const allowed = specifier.startsWith('node:')
        ? room !== undefined && !pureRooms.includes(room)
        : [room, '*'].includes({ ...homes, ...bundled }[packageOf(specifier)] ?? 'nowhere')
      return allowed ? [] : [`${file.path} imports ${specifier}`]
    }),
  )

/** Files that import each other in a circle, types counted, as `a → b → a`. */
export function cycles(files: readonly SourceFile[]): string[] {
  const targets = new Map(
    files.map((file) => [
      file.path.replace(/\.tsx$/, '.ts'),
      importsOf(file).flatMap(({ specifier }) => (specifier ? (targetOf(file.path, specifier) ?? []) : [])),
    ]),
  )
  const found: string[] = []
  const finished = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
    else if (!finished.has(path)) {
      for (const target of targets.get(path) ?? []) visit(target, [...trail, path])
      finished.add(path)
    }
  }
  for (const path of targets.keys()) visit(path, [])
  return found
}

/** Uses of `object` in expressions, with the property if there is one: `console.log`, `process.exit`. */
const uses = (file: SourceFile, object: string, property?: string): boolean =>
  nodesOf(file).some(
    (node) =>
      node.type === 'MemberExpression' &&
      nameOf(node.object) === object &&
      (property === undefined || (nameOf(node.property) ?? literalOf(node.property)) === property),
  )

/** Only the command's entry point ends the process or writes to the console. */
export const strayExits = (files: readonly SourceFile[]): string[] =>
  files
    .filter(({ path }) => path !== 'src/cli/main.ts')
    .flatMap((file) => [
      ...(uses(file, 'process', 'exit') ? [`${file.path} calls process.exit`] : []),
      ...(uses(file, 'console') ? [`${file.path} uses console`] : []),
    ])

/** Exported values of a file: `[name, is it a function]`. */
const exportsOf = (file: SourceFile): [name: string, callable: boolean][] =>
  nodesOf(file).flatMap((node): [string, boolean][] => {
    if (node.type !== 'ExportNamedDeclaration' || node.exportKind === 'type') return []
    const declaration = node.declaration as Node | null
    if (declaration === null) return (node.specifiers as Node[]).map(({ exported }) => [nameOf(exported)!, true])
    if (declaration.type === 'FunctionDeclaration') return [[nameOf(declaration.id)!, true]]
    if (declaration.type !== 'VariableDeclaration') return []
    return (declaration.declarations as Node[]).map(({ id, init }) => [
      nameOf(id)!,
      (init as Node | null)?.type === 'ArrowFunctionExpression',
    ])
  })

/** `operators/x.ts` exports one function, `x`, and only its options (`xOptions`), its registry entry (`xEntry`) and types besides. */
export const misnamedOperators = (files: readonly SourceFile[]): string[] =>
  files
    .filter(({ path }) => roomOf(path) === 'operators' && path !== 'operators/index.ts')
    .flatMap((file) => {
      const name = posix.basename(file.path, '.ts')
      const exported = exportsOf(file)
      return [
        ...(exported.some(([other, callable]) => other === name && callable) ? [] : [`${file.path} exports no function ${name}`]),
        ...exported
          .filter(([other]) => other !== name && other !== `${name}Options` && other !== `${name}Entry`)
          .map(([other]) => `${file.path} exports ${other}, too`),
      ]
    })

const isGenerated = (path: string): boolean => path === 'operators/index.ts' || path.split('/').includes('generated')

export const lineCount = (text: string): number => text.replace(/\n$/, '').split('\n').length

/** At most 95 lines an operator and 250 a file, except generated code. */
export const longFiles = (files: readonly SourceFile[]): string[] =>
  files
    .filter(({ path }) => !isGenerated(path))
    .flatMap(({ path, text }) => {
      const limit = roomOf(path) === 'operators' ? 95 : 250
      return lineCount(text) > limit ? [`${path} has ${lineCount(text)} lines, at most ${limit}`] : []
    })

/** No default exports (unless a tool demands one) and no `any`. */
export const bannedForms = (files: readonly SourceFile[]): string[] =>
  files
    .filter(({ path }) => !path.split('/').includes('generated'))
    .flatMap((file) => {
      const types = new Set(nodesOf(file).map(({ type }) => type))
      return [
        ...(types.has('ExportDefaultDeclaration') && !file.path.endsWith('.config.ts')
          ? [`${file.path} has a default export`]
          : []),
        ...(types.has('TSAnyKeyword') ? [`${file.path} says any`] : []),
      ]
    })
