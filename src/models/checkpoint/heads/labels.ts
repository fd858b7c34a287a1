import * as z from 'zod'
import { ModelError, OptionError } from '../../../core/errors.js'

/** The fields of config.json that name a classifier's labels. */
export const labelFields = {
  id2label: z.record(z.string(), z.unknown()).nullish().describe('an object'),
  num_labels: z.number().int().min(1).nullish().describe('an integer >= 1'),
}

/** Names of the labels by index. transformers writes `id2label` unless there are the two labels that it assumes. */
export function labelsOf({ id2label, num_labels: count }: z.output<z.ZodObject<typeof labelFields>>): readonly string[] {
  const named = Object.keys(id2label ?? {}).length
  return Array.from({ length: named || (count ?? 2) }, (_, index) => String(id2label?.[index] ?? `LABEL_${index}`))
}

/**
 * The index of the label that a reward is read from, by name or by index.
 *
 * @param given what was asked for; a model with one label needs no choice
 * @param role whose label it is, and `folder` where the model lies, for messages
 * @throws ModelError when there are several labels and none was asked for
 * @throws OptionError for a label that the model does not have
 */
export function labelIndex(
  labels: readonly string[],
  given: string | undefined,
  { role, folder }: Readonly<{ role: string; folder: string }>,
): number {
  const listed = labels.map((label, index) => (labels.length === 1 ? `\`${label}\`` : `\`${label}\` (${index})`)).join(', ')
  if (given === undefined) {
    if (labels.length === 1) return 0
    throw new ModelError(`Expected a label for \`${role}\`, since ${folder} has ${labels.length}; name one of ${listed}`)
  }
  const named = labels.indexOf(given)
  if (named !== -1) return named
  if (/^\d+$/.test(given) && Number(given) < labels.length) return Number(given)
  throw new OptionError(
    `Expected the label of \`${role}\` to be ${labels.length > 1 ? 'one of ' : ''}${listed}, got \`${given}\``,
  )
}
