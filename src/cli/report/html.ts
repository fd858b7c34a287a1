import type { Cells } from '../print/formatTable.js'

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text as HTML, in an element or an attribute. */
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign]!)

/** Data as JSON in a script element: nothing in it can end the element. */
export const jsonIn = (data: unknown): string => JSON.stringify(data).replaceAll('<', '\\u003c')

/** A table whose first row is its head and whose first column names the rows. */
export function tableHtml([head = [], ...rows]: Cells): string {
  const line = (cells: readonly string[], of: (cell: string, index: number) => string): string =>
    `<tr>${cells.map(of).join('')}</tr>`
  const name = (cell: string): string => `<th scope="row">${escaped(cell)}</th>`
  return [
    '<div class="scroll"><table>',
    `<thead>${line(head, (cell) => `<th scope="col">${escaped(cell)}</th>`)}</thead>`,
    `<tbody>${rows.map((row) => line(row, (cell, index) => (index === 0 ? name(cell) : `<td>${escaped(cell)}</td>`))).join('')}</tbody>`,
    '</table></div>',
  ].join('')
}
