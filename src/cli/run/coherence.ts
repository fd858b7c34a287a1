import type { Command } from 'commander'
import { coherenceMeasure, type Measure } from '../../../pipelines/evaluation/measures.js'
import { OptionError } from '../../core/errors.js'
import { encoderPoolings, loadEncoder } from '../../models/loadEncoder.js'
import { embeddedPath } from '../flags/embeddedPath.js'
import { oneOf, text } from '../flags/flags.js'

/** `encoder` is false with `--no-encoder`. */
export type CoherenceFlags = Readonly<{
  encoder?: string | boolean | undefined
  pooling?: (typeof encoderPoolings)[number] | undefined
}>

/** Adds the flags that choose the encoder for coherence. */
export const coherenceFlags = (command: Command): Command =>
  command
    .option(
      '--encoder <folder>',
      'encoder that embeds prompt and completion for the coherence metric (default: the embedded one)',
      text('encoder'),
    )
    .option('--no-encoder', 'leave coherence out')
    .option(
      '--pooling <name>',
      `pooling of \`--encoder\`: ${encoderPoolings.join(', ')} (default: the setting of the folder, else mean)`,
      oneOf('pooling', encoderPoolings),
    )

/** Checks the flags before anything is loaded. */
export function checkCoherence({ encoder, pooling }: CoherenceFlags): void {
  if (pooling !== undefined && typeof encoder !== 'string')
    throw new OptionError('Expected `--encoder` beside `--pooling`, got none')
}

/** Loads the encoder and gives the coherence measure, or nothing with `--no-encoder`. */
export async function loadCoherence(
  { encoder, pooling }: CoherenceFlags,
  onNotice: (notice: string) => void,
): Promise<Readonly<{ measure: Measure; close: () => Promise<void> }> | undefined> {
  if (encoder === false) return undefined
  // Commander sets a flag that has a `--no-` form to true by default.
  const loaded = await loadEncoder(typeof encoder === 'string' ? encoder : embeddedPath('encoder'), { pooling, onNotice })
  return { measure: coherenceMeasure(loaded), close: loaded.close }
}
