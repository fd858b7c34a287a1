import type { Cells } from '../print/formatTable.js'

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Escapes text for HTML elements and attributes. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign]!)

/** Writes data as JSON for a script element. Nothing in it can end the element. */
export const jsonIn = (data: unknown): string => JSON.stringify(data).replaceAll('<', '\\u003c')

/** Columns that fit on a page of 1,280 pixels. */
const MOST_COLUMNS = 10

/** Transposes a table that has too many columns and fewer rows. */
const inRoom = (cells: Cells): Cells => {
  const [head = []] = cells
  if (head.length <= MOST_COLUMNS || cells.length >= head.length) return cells
  return head.map((_, column) => cells.map((row) => row[column] ?? ''))
}

/** Formats a figure, with its interval on a line of its own. */
const figure = (cell: string): string =>
  escapeHtml(cell).replace(/^(\S+) (\[[^\]]*\])$/, '<span>$1</span> <span class="interval">$2</span>')

/**
 * Writes a table as HTML. The first row is the head, and the first column names the rows. `content`: words are aligned to the left. Each
 * cell carries the name of its column, because a phone shows each row as a card.
 */
export function tableHtml(cells: Cells, content: 'figures' | 'words' = 'figures'): string {
  const [head = [], ...rows] = inRoom(cells)
  const line = (row: readonly string[], of: (cell: string, index: number) => string): string => `<tr>${row.map(of).join('')}</tr>`
  const cellOf = (cell: string, index: number): string =>
    index === 0
      ? `<th scope="row">${escapeHtml(cell)}</th>`
      : `<td data-label="${escapeHtml(head[index] ?? '')}"><div>${figure(cell)}</div></td>`
  return [
    `<div class="scroll"><table class="${content}">`,
    `<thead>${line(head, (cell) => `<th scope="col">${escapeHtml(cell)}</th>`)}</thead>`,
    `<tbody>${rows.map((row) => line(row, cellOf)).join('')}</tbody>`,
    '</table></div>',
  ].join('')
}
