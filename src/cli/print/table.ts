import stringWidth from 'string-width'
import { readParquet } from '../../io/parquet/readParquet.js'
import { parquetFiles } from '../../io/readRows.js'
import { fit, inOneLine } from './fit.js'

/** Rows that the table shows; for the rest there is `rxargs cat`. */
const SHOWN = 10
const REWARD = 8

type Shown = Readonly<Record<string, unknown>>

/** `[prompt, completion, reward]` of a row; an error row says what is wrong where its completion would be. */
function cellsOf({ prompt, user_message: message, completion, error, reward, id }: Shown): [string, string, string] {
  const written = message ?? prompt
  return [
    typeof written === 'string' ? inOneLine(written) : `(${String(id)})`,
    typeof error === 'string' ? `error: ${inOneLine(error)}` : inOneLine(String(completion ?? '')),
    typeof reward === 'number' ? reward.toFixed(3).padStart(REWARD) : ' '.repeat(REWARD),
  ]
}

/** Rows as a table of prompt, completion and reward, `width` columns wide, one line a row. */
export function table(rows: readonly Shown[], width: number): string[] {
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

/** The first rows of a folder as a table, and how many more there are. */
export async function tableOf(folder: string, width: number): Promise<string[]> {
  const rows: Shown[] = []
  let count = 0
  for (const path of await parquetFiles(folder)) {
    const file = await readParquet(path)
    count += file.rowCount
    if (rows.length === SHOWN) continue
    for await (const row of file.records(['id', 'prompt', 'user_message', 'completion', 'error', 'reward'])) {
      if (rows.push(row) === SHOWN) break
    }
  }
  return [...table(rows, width), ...(count > rows.length ? [`… and ${count - rows.length} more: rxargs cat ${folder}`] : [])]
}
