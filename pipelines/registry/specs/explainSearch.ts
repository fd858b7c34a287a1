import { stringify } from 'yaml'
import { OptionError } from '../../../src/core/errors.js'
import type { Search } from '../../decoding/perToken.js'
import { searches } from '../searchRegistry.js'
import { searchKey } from './searchFromSpec.js'
import { boundWithoutModels } from './specOf.js'
import { searchTypeScriptOf } from './typeScriptOf.js'

/**
 * A search for people: itself as YAML with all its options, what it needs of the models, and itself as TypeScript.
 *
 * @throws OptionError for a search that is not in the registry
 */
export function explainSearch(name: string, search: Search): string {
  const { named, need = 'all' } = boundWithoutModels(search)
  if (named === undefined) throw new OptionError(`Expected a search of the registry to explain, got \`${name}\``)
  const key = searchKey(named.name)
  const { about, options, needsReward } = searches[named.name]!
  const logits = need === 'all' ? 'the logits of all tokens' : `the logits of the ${need} likeliest tokens`
  return [
    `${name}: ${about}`,
    `  search:\n    ${key}: ${flow(named.options)}`,
    'What flows: a prompt, then the steps of the reply that was found',
    `Needs: ${logits}${needsReward ? ', a reward' : ''}`,
    `Defaults: ${flow(options.parse({}))}`,
    'In TypeScript:',
    searchTypeScriptOf(name, key, named.options).replace(/^(?=.)/gm, '  '),
  ].join('\n\n')
}

const flow = (options: unknown): string => stringify(options, { collectionStyle: 'flow', lineWidth: 0 }).trim()
