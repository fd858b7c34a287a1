import { ModelError } from '../core/errors.js'
import type { Head } from './checkpoint/families/config.js'
import type { WeightDtype } from './graph/quantize.js'

/** The purpose of a model. `label` chooses one of a classifier's labels as the reward, by name or index. */
export type Expected = Readonly<{ head: Head; role: string; dtype?: WeightDtype; label?: string }>

type Found = Readonly<{ folder: string; config: Readonly<{ head: Head; bare?: boolean }> }>

const describeHead = (head: Head): string => (head === 'lm' ? 'a language model' : 'a reward model')

/** @throws ModelError if a model has another head than expected, or none */
export function checkHead({ folder, config }: Found, { head, role }: Pick<Expected, 'head' | 'role'>): void {
  if (config.head === head && !config.bare) return
  const found = config.bare ? 'a body without a head' : describeHead(config.head)
  throw new ModelError(`Expected ${describeHead(head)} for \`${role}\`, got ${found} in ${folder}`)
}
