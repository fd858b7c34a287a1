// Copies the web pages of reports and of the server beside the compiled code, and bundles the scripts of the playground. `npm run build` runs it.
import { cpSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = new URL('../', import.meta.url)
const playground = 'src/server/page'

const pathIn = (path) => fileURLToPath(new URL(path, root))

const isServed = (path) => !/\.tsx$|(^|[\\/])(tsconfig\.json|state|view)$/.test(path)

cpSync(new URL('src/cli/report/page', root), new URL('dist/src/cli/report/page', root), { recursive: true })
cpSync(new URL(playground, root), new URL(`dist/${playground}`, root), { recursive: true, filter: isServed })

/** The bundle holds code of these packages, whose licences ask for their notice. */
const notices = ['preact', 'eventsource-parser'].map((name) => {
  const folder = new URL(`node_modules/${name}/`, root)
  return `${name}\n\n${readFileSync(new URL('LICENSE', folder), 'utf8').trim()}`
})

const bundle = await rolldown({ input: pathIn(`dist/${playground}/main.js`) })
await bundle.write({
  file: pathIn(`dist/${playground}/playground.js`),
  format: 'esm',
  minify: true,
  postBanner: `/*!\n${notices.join('\n\n')}\n*/`,
})
await bundle.close()
