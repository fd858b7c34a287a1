import stringWidth from 'string-width'
import { readParquet } from '../../io/parquet/readParquet.js'
import { parquetFiles } from '../../io/readRows.js'
import { fit, inOneLine } from './fit.js'

/** Rows in the table. `rxargs cat` prints the rest. */
const MAX_ROWS = 10
/** Width of the reward column. */
const REWARD = 8

type Cells = Readonly<Record<string, unknown>>

/** Gives `[prompt, completion, reward]` of a row. An error row has its error in place of the completion. */
function cellsOf({ prompt, user_message: message, completion, error, reward, id }: Cells): [string, string, string] {
  const text = message ?? prompt
  return [
    typeof text === 'string' ? inOneLine(text) : `(${String(id)})`,
    typeof error === 'string' ? `error: ${inOneLine(error)}` : inOneLine(String(completion ?? '')),
    typeof reward === 'number' ? reward.toFixed(3).padStart(REWARD) : ' '.repeat(REWARD),
  ]
}

/** Formats rows as a table of prompt, completion and reward, `width` columns wide, one line per row. */
export function table(rows: readonly Cells[], width: number): string[] {
  const room = Math.max(20, width - REWARD - 4)
  const cells = rows.map(cellsOf)
  const left = Math.max(6, Math.min(Math.floor(room * 0.45), Math.max(...cells.map(([prompt]) => stringWidth(prompt)))))
  const line = (prompt: string, completion: string, reward: string) =>
    `${fit(prompt, left)}  ${fit(completion, room - left)}  ${reward}`
  return [
    line('prompt', 'completion', 'reward'.padStart(REWARD)),
    line('─'.repeat(left), '─'.repeat(room - left), '─'.repeat(REWARD)),
    ...cells.map((cell) => line(...cell)),
  ]
}

/** Formats the first rows of a folder as a table, and counts the others. */
export async function tableOf(folder: string, width: number): Promise<string[]> {
  const rows: Cells[] = []
  let count = 0
  for (const one of await parquetFiles(folder)) {
    const file = await readParquet(one)
    count += file.rowCount
    if (rows.length === MAX_ROWS) continue
    for await (const row of file.records(['id', 'prompt', 'user_message', 'completion', 'error', 'reward'])) {
      if (rows.push(row) === MAX_ROWS) break
    }
  }
  return [...table(rows, width), ...(count > rows.length ? [`… and ${count - rows.length} more: rxargs cat ${folder}`] : [])]
}
