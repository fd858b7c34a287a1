import { describe, expect, it } from 'vitest'
import { pipelineFromText } from '../../../../pipelines/registry/specs/pipelineFromText.js'
import { OptionError } from '../../../../src/core/errors.js'

const yaml = (...lines: string[]): string => `${lines.join('\n')}\n`
const read = (text: string) => pipelineFromText(text, 'mine.yaml')

describe('pipelineFromText', () => {
  it('reads YAML and JSON', () => {
    const spec = { name: 'mine', steps: [{ topK: { k: 10 } }, { selectGreedy: null }] }
    expect(read(yaml('# a comment', 'name: mine', 'steps:', '  - topK: { k: 10 }', '  - selectGreedy:'))).toEqual(spec)
    expect(read(JSON.stringify(spec, null, 2))).toEqual(spec)
  })

  it('reads a search', () => {
    const spec = { name: 'mine', search: { bestOfN: { n: 2 } } }
    expect(read(yaml('name: mine', 'search:', '  bestOfN: { n: 2 }'))).toEqual(spec)
  })

  it.each<[string, string, string]>([
    [
      'an alias within itself',
      yaml('steps: &all', '  - *all'),
      'Expected aliases in mine.yaml that end, got: Converting circular structure to JSON',
    ],
    [
      'aliases that unfold to very much',
      yaml(
        ...['a: &a [1]', 'b: &b', 'c: &c', 'd:'].map((key, level) =>
          level === 0
            ? key
            : `${key} [${Array(12)
                .fill(`*${'abc'[level - 1]}`)
                .join(', ')}]`,
        ),
      ),
      'Expected aliases in mine.yaml that end, got: Excessive alias count indicates a resource exhaustion attack',
    ],
    [
      'an unknown operator',
      yaml('steps:', '  - topK: { k: 10 }', '  - selectGredy: {}'),
      'mine.yaml:3:5: Expected an operator, got `selectGredy` (did you mean `selectGreedy`?)',
    ],
    [
      'a bad option',
      yaml('steps:', '  - topK:', '      k: ten', '  - selectGreedy: {}'),
      'mine.yaml:3:7: `topK`: Expected `k` to be an integer >= 1, got `ten` (string)',
    ],
    [
      'an unknown option',
      yaml('steps:', '  - topK: { k: 1, kk: 2 }', '  - selectGreedy: {}'),
      'mine.yaml:2:19: `topK`: Unknown option `kk`; known: k',
    ],
    [
      'an option that is missing, at its operator',
      yaml('steps:', '  - topK: {}', '  - selectGreedy: {}'),
      'mine.yaml:2:5: `topK`: Expected `k` to be an integer >= 1, got nothing',
    ],
    [
      'a wrong order',
      yaml('steps:', '  - selectGreedy: {}', '  - topK: { k: 1 }'),
      'mine.yaml:2:5: `selectGreedy` needs `scores`, which no step before it adds',
    ],
    [
      'steps that choose nothing, at the last one',
      yaml('steps:', '  - topK: { k: 1 }'),
      'mine.yaml:2:5: Expected the last steps to choose a token, such as `selectGreedy`; none does',
    ],
    ['another key', yaml('step: []'), 'mine.yaml:1:1: Unknown option `step` (did you mean `steps`?); known: name, steps'],
    [
      'an unknown search',
      yaml('search:', '  bestOfM: { n: 2 }'),
      'mine.yaml:2:3: Expected a search, one of bestOfN, guidedBestOfN, blockBestOfN, rollout, cards, beam, got `bestOfM` (did you mean `bestOfN`?)',
    ],
    [
      'a bad option of a search',
      yaml('search:', '  bestOfN: { k: 5, n: 0 }'),
      'mine.yaml:2:20: `bestOfN`: Expected `n` to be an integer from 1 to 65536, got `0` (number)',
    ],
    ['a search beside steps', yaml('search: { beam: {} }', 'steps: []'), 'mine.yaml:2:1: Unknown option `steps`'],
    [
      'two searches',
      yaml('search: { beam: {}, cards: {} }'),
      'mine.yaml:1:1: Expected `search` to be one search with its options',
    ],
    ['JSON', '{"steps": [{"topK": {"k": -1}}]}', 'mine.yaml:1:22: `topK`: Expected `k` to be an integer >= 1, got `-1` (number)'],
    ['a text', 'greedy', 'mine.yaml:1:1: Expected `options` to be'],
    ['nothing', '', 'mine.yaml:1:1: Expected `options` to be'],
    ['a step without its brackets', yaml('steps:', '  - topK'), 'mine.yaml:2:5: Expected `steps` to be a list of steps'],
    ['what is no YAML', yaml('steps:', '  - topK: { k: 1', '  - selectGreedy:'), 'mine.yaml:3:3: Expected YAML or JSON: '],
    ['a key twice', yaml('steps:', '  - topK: { k: 1, k: 2 }'), 'mine.yaml:2:19: Expected YAML or JSON: Map keys must be unique'],
  ])('refuses %s with file, line and column', (_, text, message) => {
    expect(() => read(text)).toThrow(OptionError)
    expect(() => read(text)).toThrow(message)
  })
})
