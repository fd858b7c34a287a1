import { OptionError } from '../../src/core/errors.js'
import type { RegisteredOperator } from '../../src/core/registryEntry.js'

/** An operator at its place in a step: its name, and what it does to the step's fields, unless nobody knows. */
export type PlacedOperator = Readonly<{ name: string; flow?: Pick<RegisteredOperator, 'needs' | 'adds' | 'drops' | 'changes'> }>

/** A choice is an index into these, by these. */
const CANDIDATES = ['logits', 'tokenIds', 'tokenLogits', 'scores', 'tokenId']

/**
 * Checks that each operator finds the fields that it needs, and that the last ones choose one token. After an operator that nobody knows,
 * any field may be there.
 *
 * @throws OptionError, with the place of the operator as its path, for a missing field, a second choice, a change to the candidates after
 *   the choice, and steps that choose no token
 */
export function checkOrder(steps: readonly PlacedOperator[]): void {
  const fields = new Set(['logits'])
  let isKnown = true
  let chosenBy: string | undefined
  steps.forEach(({ name, flow }, index) => {
    if (flow === undefined) {
      isKnown = false
      return
    }
    const place = ['steps', index, name]
    const missing = flow.needs.find((need) => !need.split('|').some((field) => fields.has(field)))
    if (isKnown && missing !== undefined)
      throw new OptionError(`\`${name}\` needs \`${missing.replaceAll('|', '` or `')}\`, which no step before it adds`, place)
    const touched = [...Object.keys(flow.adds), ...flow.drops, ...flow.changes]
    if (chosenBy !== undefined && touched.some((field) => CANDIDATES.includes(field)))
      throw new OptionError(
        touched.includes('tokenId')
          ? `Expected one operator that chooses the token, got \`${chosenBy}\` and \`${name}\` after it`
          : `\`${name}\` has no effect on the choice: \`${chosenBy}\` before it has chosen the token already`,
        place,
      )
    for (const field of flow.drops) fields.delete(field)
    for (const field of Object.keys(flow.adds)) fields.add(field)
    if (fields.has('tokenId')) chosenBy ??= name
  })
  if (isKnown && chosenBy === undefined)
    throw new OptionError('Expected the last steps to choose a token, such as `selectGreedy`; none does', [
      ...['steps', steps.length - 1],
    ])
}
