import { Command } from 'commander'
import { mergeRuns } from '../io/mergeRuns.js'
import { text } from './flags/flags.js'
import { type Terminal, writeLine } from './terminal.js'

/** `rxargs merge` writes the rows of several folders into one file. */
export const mergeCommand = ({ stdout, signal }: Terminal): Command =>
  new Command('merge')
    .description('write the rows of a run into one file, after checking that each is there once')
    .argument('<path...>', 'folders of part files, such as those of all shards, or Parquet files')
    .requiredOption('-o, --output <file>', 'file to write: .parquet or .jsonl', text('output'))
    .option('--force', 'replace the file')
    .action(async (paths: readonly string[], { output, force }: Readonly<{ output: string; force?: boolean }>) => {
      const rows = await mergeRuns(paths, output, { ...(force && { force }), signal })
      await writeLine(stdout, `${rows} ${rows === 1 ? 'row' : 'rows'} in ${output}`, signal)
    })
