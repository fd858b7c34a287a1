import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of a model that comes with the package, as seen from here where that is shorter. */
export function embeddedPath(name: string): string {
  const path = fileURLToPath(new URL(`../../../../data/models/${name}`, import.meta.url))
  const near = relative(process.cwd(), path)
  return near.startsWith(`..${sep}`) || near.length >= path.length ? path : near
}
