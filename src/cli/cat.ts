import { Command } from 'commander'
import { readParquet } from '../io/parquet/readParquet.js'
import { readRunParts } from '../io/parquet/readRunParts.js'
import { parquetFiles, readColumns } from '../io/readRows.js'
import { strayFiles } from '../io/strayFiles.js'
import { parseWhere, type Where } from '../io/where.js'
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

type Flags = RowLines & Readonly<{ where?: Where }>

/** `rxargs cat` prints rows as JSONL or text. */
export const catCommand = ({ stdout, stderr, signal }: Terminal): Command =>
  rowLineFlags(new Command('cat'))
    .description('print rows as JSONL with their Parquet column names')
    .argument('<path>', 'folder of part files, or one Parquet file')
    .option('--where <condition>', "print only these rows, as in SQL: reward > 0.5 and completion like '%bread%'", parseWhere)
    .action(async (path: string, flags: Flags) => {
      checkRowLines(flags)
      for (const notice of await strayFiles(path)) stderr.write(`${notice}\n`)
      await readRunParts(path)
      const line = rowLine(flags)
      const { where } = flags
      for await (const row of readColumns(path, await columnsToRead(path, flags)))
        if (where?.matches(row) ?? true) await writeLine(stdout, line(row), signal)
    })

/** Columns to read, or undefined for all. Parts of one run may differ in optional columns. */
async function columnsToRead(path: string, { text, columns, where }: Flags): Promise<readonly string[] | undefined> {
  if (!text && columns === undefined && where === undefined) return undefined
  const names = new Set<string>()
  for (const file of await parquetFiles(path)) for (const name of (await readParquet(file)).columns) names.add(name)
  checkColumnNames(columns ?? [], [...names], path)
  checkColumnNames(where?.columns ?? [], [...names], path, (name) => `; a text in \`--where\` has single quotes: '${name}'`)
  if (!text && columns === undefined) return undefined
  const printed = columns ?? [...textColumns, ...[...names].filter((name) => FURTHER_REWARD.test(name))]
  return [...new Set([...printed, ...(where?.columns ?? [])])]
}
