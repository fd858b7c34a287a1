import { Command } from 'commander'
import { stringifyExactly } from '../io/exactJson.js'
import { readRunParts } from '../io/parquet/readRunParts.js'
import { readRows } from '../io/readRows.js'
import { type Terminal, writeLine } from './terminal.js'

/** `rxargs cat`: rows as JSONL. */
export const catCommand = ({ stdout, signal }: Terminal): Command =>
  new Command('cat')
    .description('print rows as JSONL, under their Parquet column names')
    .argument('<path>', 'folder of part files, or one Parquet file')
    .action(async (path: string) => {
      await readRunParts(path)
      for await (const row of readRows(path)) await writeLine(stdout, stringifyExactly(row), signal)
    })
