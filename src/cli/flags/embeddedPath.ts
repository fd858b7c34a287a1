import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Path of a model in the package, relative to the working directory if that is shorter. */
export function embeddedPath(name: string): string {
  const path = fileURLToPath(new URL(`../../../../data/models/${name}`, import.meta.url))
  const near = relative(process.cwd(), path)
  return near.startsWith(`..${sep}`) || near.length >= path.length ? path : near
}
