import type { Command } from 'commander'
import { coherenceMeasure, type Measure } from '../../../pipelines/evaluation/measures.js'
import { OptionError } from '../../core/errors.js'
import { encoderPoolings, loadEncoder } from '../../models/loadEncoder.js'
import { embedded } from '../flags/embedded.js'
import { oneOf, text } from '../flags/flags.js'

/** `encoder` is false for `--no-encoder`. */
export type CoherenceFlags = Readonly<{
  encoder?: string | boolean | undefined
  pooling?: (typeof encoderPoolings)[number] | undefined
}>

/** Adds the flags that say by which encoder coherence is measured. */
export const coherenceFlags = (command: Command): Command =>
  command
    .option(
      '--encoder <folder>',
      'encoder for coherence, the cosine of the embeddings of prompt and completion (default: the embedded one)',
      text('encoder'),
    )
    .option('--no-encoder', 'no coherence')
    .option(
      '--pooling <name>',
      `what an embedding of \`--encoder\` is made of: ${encoderPoolings.join(', ')} (default: what the folder says, else mean)`,
      oneOf('pooling', encoderPoolings),
    )

/** Says what is wrong with the flags before anything is loaded. */
export function checkCoherence({ encoder, pooling }: CoherenceFlags): void {
  if (pooling !== undefined && typeof encoder !== 'string')
    throw new OptionError('Expected `--encoder` beside `--pooling`, got none')
}

/** The measure with its encoder loaded; none for `--no-encoder`. */
export async function loadCoherence(
  { encoder, pooling }: CoherenceFlags,
  onNotice: (notice: string) => void,
): Promise<Readonly<{ measure: Measure; close: () => Promise<void> }> | undefined> {
  if (encoder === false) return undefined
  // Commander's own default of a flag that has a `--no-` is true.
  const loaded = await loadEncoder(typeof encoder === 'string' ? encoder : embedded('encoder'), { pooling, onNotice })
  return { measure: coherenceMeasure(loaded), close: loaded.close }
}
