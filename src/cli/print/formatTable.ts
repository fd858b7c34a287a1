import stringWidth from 'string-width'
import { fit } from './fit.js'

export const tableFormats = ['text', 'md', 'csv'] as const
export type TableFormat = (typeof tableFormats)[number]

/** A table of words and numbers. The first row is its head. */
export type Cells = readonly (readonly string[])[]

const quote = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)
const escapePipes = (cell: string): string => cell.replaceAll('|', '\\|').replace(/\s+/g, ' ')

/** Formats a table as aligned text (the first column to the left, the others to the right), Markdown, or CSV (RFC 4180). */
export function formatTable(cells: Cells, format: TableFormat): string[] {
  if (format === 'csv') return cells.map((row) => row.map(quote).join(','))
  const [head = [], ...rows] = cells
  if (format === 'md') {
    const line = (row: readonly string[]): string => `| ${row.map(escapePipes).join(' | ')} |`
    return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)]
  }
  const widths = head.map((_, column) => Math.max(...cells.map((row) => stringWidth(row[column]!))))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? fit(cell, widths[0]!) : ' '.repeat(widths[column]! - stringWidth(cell)) + cell))
      .join('  ')
      .trimEnd()
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)]
}
