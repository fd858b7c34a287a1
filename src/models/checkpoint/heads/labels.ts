import * as z from 'zod'
import { ModelError, OptionError } from '../../../core/errors.js'

/** The fields of config.json that name a classifier's labels. */
export const labelFields = {
  id2label: z.record(z.string(), z.unknown()).nullish().describe('an object'),
  num_labels: z.number().int().min(1).nullish().describe('an integer >= 1'),
}

/** The names of the labels by index. transformers leaves out `id2label` for its default of two labels. */
export function labelsOf({ id2label, num_labels: count }: z.output<z.ZodObject<typeof labelFields>>): readonly string[] {
  const names = Object.keys(id2label ?? {}).length
  return Array.from({ length: names || (count ?? 2) }, (_, index) => String(id2label?.[index] ?? `LABEL_${index}`))
}

/**
 * Finds the index of the label that is the reward.
 *
 * @param label its name or index; a model with one label needs none
 * @param role the reward, for messages; `folder` its model
 * @throws ModelError if there are several labels and no choice
 * @throws OptionError for a label that the model does not have
 */
export function labelIndex(
  labels: readonly string[],
  label: string | undefined,
  { role, folder }: Readonly<{ role: string; folder: string }>,
): number {
  const listed = labels.map((name, index) => (labels.length === 1 ? `\`${name}\`` : `\`${name}\` (${index})`)).join(', ')
  if (label === undefined) {
    if (labels.length === 1) return 0
    throw new ModelError(`Expected a label for \`${role}\`, because ${folder} has ${labels.length}. Choose one of ${listed}`)
  }
  const index = labels.indexOf(label)
  if (index !== -1) return index
  if (/^\d+$/.test(label) && Number(label) < labels.length) return Number(label)
  throw new OptionError(
    `Expected the label of \`${role}\` to be ${labels.length > 1 ? 'one of ' : ''}${listed}, got \`${label}\``,
  )
}
