/** Puts the pages of reports and of the server beside the compiled code: part of `npm run build`. */
import { cpSync, readFileSync } from 'node:fs'
import { rolldown } from 'rolldown'

const root = new URL('../', import.meta.url)
const playground = 'src/server/page'

const isServed = (path) => !/\.(tsx?|mjs)$|(^|[\\/])(tsconfig\.json|state|view)$/.test(path)

cpSync(new URL('src/cli/report/page', root), new URL('dist/src/cli/report/page', root), { recursive: true })
cpSync(new URL(playground, root), new URL(`dist/${playground}`, root), { recursive: true, filter: isServed })

/** The bundle holds code of these packages, whose licences ask for their notice. */
const notices = ['preact', 'eventsource-parser'].map((name) => {
  const folder = new URL(`node_modules/${name}/`, root)
  return `${name}\n\n${readFileSync(new URL('LICENSE', folder), 'utf8').trim()}`
})

const bundle = await rolldown({ input: new URL(`dist/${playground}/main.js`, root).pathname })
await bundle.write({
  file: new URL(`dist/${playground}/playground.js`, root).pathname,
  format: 'esm',
  minify: true,
  postBanner: `/*!\n${notices.join('\n\n')}\n*/`,
})
await bundle.close()
