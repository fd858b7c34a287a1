import { expect, it } from 'vitest'
import { columnsOf } from '../../src/io/parquet/rowColumns.js'
import { pages, tableRows } from './pages.js'

it('src/io/README.md lists the columns of every row with their types', () => {
  const page = pages.find(({ path }) => path === 'src/io/README.md')!
  const section = page.text.split(/^## /m).find((text) => text.startsWith('Columns of the output'))!
  const rows = tableRows(section).slice(1)
  const columns = Object.entries(columnsOf(new Set())).map(([name, { type, lists }]) => [
    `\`${name}\``,
    lists ? `${type} list` : type,
  ])
  expect(rows.map(([name, type]) => [name, type])).toEqual(columns)
})
