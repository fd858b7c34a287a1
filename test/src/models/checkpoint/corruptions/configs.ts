import { aLoop, both, type Corruption, changed, type Json, rewritten, without, write } from './corrupt.js'

const config = (fields: Json) => changed('config.json', () => fields)

/** config.json and generation_config.json. */
export const configCorruptions: readonly Corruption[] = [
  ['no config', without('config.json'), /Expected .*config\.json, found no such file/],
  ['a config of no bytes', write('config.json', ''), /config\.json to be JSON: Unexpected end/],
  ['a config that is no JSON', write('config.json', '{architectures: []}'), /config\.json to be JSON/],
  ['a config that is a list', write('config.json', '[{}]'), /config\.json to hold a JSON object, got `\[\{\}\]`/],
  [
    'a config with a byte-order mark',
    rewritten('config.json', (text) => `\ufeff${text}`),
    /config\.json to be JSON without a byte-order mark/,
  ],
  ['a config in UTF-16', rewritten('config.json', (text) => Buffer.from(text, 'utf16le')), /config\.json to be JSON/],
  [
    'a config with a key twice',
    rewritten('config.json', (text) => text.replace('{', '{"vocab_size":1,')),
    /each key of .*config\.json once, got "vocab_size" twice/,
  ],
  ['a config that links to itself', aLoop('config.json'), /Expected to read .*config\.json: ELOOP/],
  [
    'a config in a config without end',
    write('config.json', `${'{"text_config":'.repeat(200_000)}1${'}'.repeat(200_000)}`),
    /config\.json/,
  ],
  [
    'an unknown architecture',
    config({ architectures: ['../x'] }),
    /Unknown architecture `\.\.\/x` in .*config\.json; supported: /,
  ],
  [
    'the config of another family',
    config({ model_type: 'bert' }),
    /`model_type` in .*config\.json to be `llama`.*, got `"bert"`/,
  ],
  [
    'a size below zero',
    config({ num_hidden_layers: -2 }),
    /`num_hidden_layers` in .*config\.json to be an integer >= 1, got `-2`/,
  ],
  ['a size that is text', config({ hidden_size: '32' }), /`hidden_size` in .*config\.json to be an integer >= 1, got `"32"`/],
  ['layers beyond all bounds', config({ num_hidden_layers: 1e9 }), /Expected tensor `model\.layers\.\d+\.\S+` .*, found none/],
  [
    'a width beyond all bounds',
    config({ hidden_size: 2 ** 50 }),
    /Expected tensor `\S+` in .* to have shape \[280, 1125899906842624\]/,
  ],
  [
    'a context beyond all bounds',
    config({ max_position_embeddings: 2 ** 45 }),
    /context in .*config\.json to be at most \d+ tokens, got 35184372088832/,
  ],
  ['a vocabulary that the weights lack', config({ vocab_size: 281 }), /to have shape \[281, 32\], got \[280, 32\]/],
  [
    'an end token outside the vocabulary',
    write('generation_config.json', '{"eos_token_id":280}'),
    /`eos_token_id` in .*generation_config\.json to be below the vocabulary size 280, got `280`/,
  ],
  ['a generation config that is no JSON', write('generation_config.json', 'no'), /generation_config\.json to be JSON/],
  [
    'rotary scaling of no kind',
    config({ rope_parameters: { rope_type: 'spiral', rope_theta: 1 } }),
    /`rope_type` in .*config\.json .*got `spiral`/,
  ],
  ['quantized weights', config({ quantization_config: { quant_method: 'awq' } }), /quantized \(awq\); use the model before/],
  [
    'nothing in its folder but a page',
    both(without('tokenizer.json'), write('config.json', '<html>')),
    /config\.json to be JSON/,
  ],
]
