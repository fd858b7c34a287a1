import picomatch from 'picomatch'

/** A glob: the folder above its first wildcard, whether a path below that folder matches, and how many levels deep it reaches. */
export type GlobPattern = Readonly<{ base: string; depth: number; matches: (path: string) => boolean }>

/**
 * Reads a path with `*`, `?`, `[…]` or `{…}` as a glob; undefined without any of them. `**` stands for any folders. Hidden files match only
 * if the pattern names their dot.
 */
export function globPattern(path: string): GlobPattern | undefined {
  const { base, glob, isGlob } = picomatch.scan(path)
  if (!isGlob || glob === '') return undefined
  const isMatch = picomatch(glob)
  return {
    base,
    depth: glob.includes('**') ? Number.POSITIVE_INFINITY : glob.split('/').length,
    matches: (below) => isMatch(below),
  }
}
