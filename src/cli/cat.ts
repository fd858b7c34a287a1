import { Command } from 'commander'
import { readParquet } from '../io/parquet/readParquet.js'
import { readRunParts } from '../io/parquet/readRunParts.js'
import { parquetFiles, readColumns } from '../io/readRows.js'
import {
  checkColumnNames,
  checkRowLines,
  FURTHER_REWARD,
  type RowLines,
  rowLine,
  rowLineFlags,
  textColumns,
} from './print/rowLines.js'
import { type Terminal, writeLine } from './terminal.js'

/** `rxargs cat`: rows as JSONL, or as text. */
export const catCommand = ({ stdout, signal }: Terminal): Command =>
  rowLineFlags(new Command('cat'))
    .description('print rows as JSONL, under their Parquet column names')
    .argument('<path>', 'folder of part files, or one Parquet file')
    .action(async (path: string, lines: RowLines) => {
      checkRowLines(lines)
      await readRunParts(path)
      const line = rowLine(lines)
      for await (const row of readColumns(path, await columnsToRead(path, lines))) await writeLine(stdout, line(row), signal)
    })

/** All where neither flag is given. Parts of one run may differ in columns that only some rows have. */
async function columnsToRead(path: string, { text, columns }: RowLines): Promise<readonly string[] | undefined> {
  if (!text && columns === undefined) return undefined
  const there = new Set<string>()
  for (const file of await parquetFiles(path)) for (const name of (await readParquet(file)).columns) there.add(name)
  checkColumnNames(columns ?? [], [...there], path)
  return columns ?? [...textColumns, ...[...there].filter((name) => FURTHER_REWARD.test(name))]
}
