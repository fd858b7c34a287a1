import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { init, parse } from 'es-module-lexer'

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

/**
 * Computes the SHA-256 of a module and of all files that it imports by path, directly or indirectly. The hash does not depend on the folder's
 * location. It does not cover packages or files that a module reads at run time.
 */
export async function hashModule(path: string): Promise<string> {
  await init
  const root = pathToFileURL(resolve(path))
  const hashes = new Map<string, string>()
  const visit = async (url: URL): Promise<void> => {
    const file = fileURLToPath(url)
    if (hashes.has(file)) return
    // Loading the module reports missing files.
    const bytes = await readFile(file).catch(() => undefined)
    if (bytes === undefined) return
    hashes.set(file, sha256(bytes))
    for (const specifier of importedPaths(bytes.toString('utf8'))) await visit(new URL(specifier, url))
  }
  await visit(root)
  const folder = dirname(fileURLToPath(root))
  const files = [...hashes].map(([file, hash]) => [relative(folder, file).replaceAll('\\', '/'), hash] as const)
  if (files.length === 1) return files[0]![1]
  return sha256(JSON.stringify(files.sort(([one], [other]) => (one < other ? -1 : 1))))
}

/** Paths that a module imports, including `import('./…')`. Other files, such as JSON, import nothing. */
function importedPaths(code: string): string[] {
  try {
    const [imports] = parse(code)
    return imports.flatMap(({ n: specifier }) =>
      specifier !== undefined && /^(\.{0,2}\/|file:)/.test(specifier) ? [specifier] : [],
    )
  } catch {
    return []
  }
}
