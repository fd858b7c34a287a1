import type { GrammarMatcher } from '@mlc-ai/web-xgrammar'
import { ShapeError } from '../../core/errors.js'
import type { AllowedTokens, GrammarSource } from '../../core/model.js'
import type { Vocabulary } from '../checkpoint/tokenizer/vocabularyOf.js'
import { readGrammar } from './readGrammar.js'
import { xgrammar } from './xgrammar.js'

type Read = Readonly<{ matcher: GrammarMatcher; tokenIds: readonly number[] }>

const goesOn = (before: readonly number[], tokenIds: readonly number[]): boolean =>
  before.length <= tokenIds.length && before.every((id, index) => id === tokenIds[index])

/** The tokens that a grammar allows after a sequence. The grammar is compiled for the vocabulary when it is first asked. */
export function allowedTokens(source: GrammarSource, vocabulary: Vocabulary, endTokenIds: readonly number[]): AllowedTokens {
  const compile = async () => {
    const loaded = xgrammar()
    const { GrammarCompiler, TokenizerInfo, GrammarMatcher } = loaded.library
    const { kind, tokens } = vocabulary
    const grammar = await readGrammar(source, loaded)
    const info = await TokenizerInfo.createTokenizerInfo([...tokens], kind, false, tokens.length, [...endTokenIds])
    const compiler = await GrammarCompiler.createGrammarCompiler(info)
    const compiledGrammar = await compiler.compileGrammar(grammar)
    return () => GrammarMatcher.createGrammarMatcher(compiledGrammar)
  }
  let compiled: ReturnType<typeof compile> | undefined
  const held = new WeakMap<object, Read>()
  // Matchers lie in WebAssembly's memory: one goes when the sequence that it has read does.
  const forgotten = new FinalizationRegistry<GrammarMatcher>((matcher) => matcher.dispose())

  return async ({ key, tokenIds }) => {
    compiled ??= compile()
    const known = held.get(key)
    // Whoever asks while this one reads gets a matcher of their own.
    held.delete(key)
    const went = known !== undefined && goesOn(known.tokenIds, tokenIds)
    if (known && !went) known.matcher.dispose()
    const matcher = went ? known.matcher : await (await compiled)()
    if (!went) forgotten.register(key, matcher, matcher)
    if (known && !went) forgotten.unregister(known.matcher)
    for (const id of tokenIds.slice(went ? known.tokenIds.length : 0))
      if (matcher.isTerminated() || !matcher.acceptToken(id))
        throw new ShapeError(`Expected tokens of the grammar, got ${id}, which it does not go on with`)
    const bits = await matcher.getNextTokenBitmask()
    held.set(key, { matcher, tokenIds })
    return bits
  }
}
