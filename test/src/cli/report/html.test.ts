import { parseHTML } from 'linkedom'
import { describe, expect, it } from 'vitest'
import { tableHtml } from '../../../../src/cli/report/html.js'

const tableOf = (cells: readonly (readonly string[])[]) => parseHTML(tableHtml(cells)).document.querySelector('table')!
const rowsOf = (cells: readonly (readonly string[])[]) =>
  [...tableOf(cells).querySelectorAll('tr')].map(({ children }) => [...children].map(({ textContent }) => textContent))

describe('tableHtml', () => {
  it("has intervals in separate lines, and each cell's column name for phones", () => {
    const cell = tableOf([
      ['run', 'reward'],
      ['args', '7.420 [5.954, 9.032]'],
    ]).querySelector('td')!
    expect(cell.getAttribute('data-label')).toBe('reward')
    expect(cell.textContent).toBe('7.420 [5.954, 9.032]')
    expect(cell.querySelector('.interval')!.textContent).toBe('[5.954, 9.032]')
  })

  it('transposes a table that is too wide for the page', () => {
    const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index))
    const [narrow, wide] = [numbers(10), numbers(11)]
    expect(rowsOf([narrow, narrow])).toEqual([narrow, narrow])
    expect(rowsOf([wide, wide])).toEqual(wide.map((number) => [number, number]))
  })
})
