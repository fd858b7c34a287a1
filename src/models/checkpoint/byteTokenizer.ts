/** The characters that byte-level tokenizers write bytes with: printable ones stand for themselves, the rest follow U+0100. */
function byteCharacters(): string[] {
  const isPrintable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++))
}

/** A tokenizer.json of `size` tokens in which each byte is a token; those from 256 on are only ever decoded. */
export const byteTokenizer = (size: number): object => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
  post_processor: null,
  decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
  model: {
    ...{ type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null },
    ...{ fuse_unk: false, byte_fallback: false, ignore_merges: false, merges: [] },
    vocab: Object.fromEntries(
      [...byteCharacters(), ...Array.from({ length: size - 256 }, (_, index) => `token${index + 256}`)].map((token, id) => [
        token,
        id,
      ]),
    ),
  },
})
