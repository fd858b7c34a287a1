import { aFolder, type Corruption, changed, type Json, without, write } from './corrupt.js'

const tokenizer = (edit: (json: Json) => Json) => changed('tokenizer.json', edit)
const model = (fields: Json) => tokenizer((json) => ({ model: { ...(json.model as Json), ...fields } }))
const deep = `${'{"type":"Sequence","pretokenizers":['.repeat(50_000)}${']}'.repeat(50_000)}`

/** The files of a tokenizer. */
export const tokenizerCorruptions: readonly Corruption[] = [
  ['no tokenizer', without('tokenizer.json'), /Expected .*tokenizer\.json, found no such file/],
  ['a tokenizer that is no JSON', write('tokenizer.json', '{"model":'), /tokenizer\.json to be JSON/],
  ['a tokenizer that is a folder', aFolder('tokenizer.json'), /Expected to read .*tokenizer\.json: EISDIR/],
  [
    'a tokenizer without a model',
    tokenizer(() => ({ model: undefined })),
    /`model` in .*tokenizer\.json to be a model with its vocabulary, got nothing/,
  ],
  [
    'an unknown kind of tokenizer',
    model({ type: 'Oracle' }),
    /tokenizer\.json: its model has type "Oracle", not BPE, Unigram or WordPiece/,
  ],
  [
    'a tokenizer with ids beyond the model',
    tokenizer(({ model: own }) => ({ model: { ...(own as Json), vocab: { ...((own as Json).vocab as Json), far: 999 } } })),
    /tokenizer in .* to fit the vocabulary of 280 in config\.json, got token ids up to 999/,
  ],
  [
    'a token with an id below zero',
    model({ vocab: { a: -1 }, merges: [] }),
    /`model` in .*tokenizer\.json to be a model with its vocabulary/,
  ],
  ['merges that are none', model({ merges: 5 }), /tokenizer\.json: its BPE model has no list of merges, but 5/],
  ['a merge of one token', model({ merges: [['a']] }), /tokenizer\.json: merge 0 is \["a"\], not two tokens/],
  [
    'a merge of tokens that there are not',
    model({ merges: [['q', 'q']] }),
    /tokenizer\.json: merge 0 needs the token "qq", which its vocabulary lacks/,
  ],
  [
    'a normalizer that there is not',
    tokenizer(() => ({ normalizer: { type: 'Polish' } })),
    /tokenizer\.json: Unknown Normalizer type: Polish/,
  ],
  [
    'a pattern that is none',
    tokenizer(() => ({ pre_tokenizer: { type: 'Split', behavior: 'Isolated', pattern: { Regex: '(' } } })),
    /tokenizer\.json: Invalid regular expression/,
  ],
  [
    'a pre-tokenizer without end',
    async (folder) =>
      write('tokenizer.json', `{"model":{"type":"WordPiece","unk_token":"a","vocab":{"a":0}},"pre_tokenizer":${deep}}`)(folder),
    /Expected a valid tokenizer in .*tokenizer\.json: .* nested too deeply/,
  ],
  ['special tokens that are no JSON', write('special_tokens_map.json', '{'), /special_tokens_map\.json to be JSON/],
  [
    'a tokenizer config of another kind',
    write('tokenizer_config.json', '{"added_tokens_decoder":{"x":{"content":"y"}}}'),
    /`added_tokens_decoder` in .*tokenizer_config\.json to be an object of token ids and tokens/,
  ],
  [
    'a template that is no text',
    changed('tokenizer_config.json', () => ({ chat_template: 7 })),
    /`chat_template` in .*tokenizer_config\.json to be a template, or a list of templates with names, got `7`/,
  ],
  ['a template that is a folder', aFolder('chat_template.jinja'), /Expected to read .*chat_template\.jinja: EISDIR/],
]
