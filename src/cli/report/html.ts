import type { Cells } from '../print/formatTable.js'

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text as HTML, in an element or an attribute. */
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign]!)

/** Data as JSON in a script element: nothing in it can end the element. */
export const jsonIn = (data: unknown): string => JSON.stringify(data).replaceAll('<', '\\u003c')

/** Columns that a page of 1,280 pixels has room for. */
const MOST_COLUMNS = 10

/** Turns a table around where it has too many columns and fewer rows. */
const inRoom = (cells: Cells): Cells => {
  const [head = []] = cells
  if (head.length <= MOST_COLUMNS || cells.length >= head.length) return cells
  return head.map((_, column) => cells.map((row) => row[column] ?? ''))
}

/** A figure; its interval, if it has one, in a line of its own. */
const figure = (cell: string): string =>
  escaped(cell).replace(/^(\S+) (\[[^\]]*\])$/, '<span>$1</span> <span class="interval">$2</span>')

/**
 * Writes a table whose first row is its head and whose first column names the rows. `content` tells figures from words, which stand to
 * the left. On a phone the page makes a card of each row, for which each cell has its column's name.
 */
export function tableHtml(cells: Cells, content: 'figures' | 'words' = 'figures'): string {
  const [head = [], ...rows] = inRoom(cells)
  const line = (row: readonly string[], of: (cell: string, index: number) => string): string => `<tr>${row.map(of).join('')}</tr>`
  const cellOf = (cell: string, index: number): string =>
    index === 0
      ? `<th scope="row">${escaped(cell)}</th>`
      : `<td data-label="${escaped(head[index] ?? '')}"><div>${figure(cell)}</div></td>`
  return [
    `<div class="scroll"><table class="${content}">`,
    `<thead>${line(head, (cell) => `<th scope="col">${escaped(cell)}</th>`)}</thead>`,
    `<tbody>${rows.map((row) => line(row, cellOf)).join('')}</tbody>`,
    '</table></div>',
  ].join('')
}
