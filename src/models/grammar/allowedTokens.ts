import type { GrammarMatcher } from '@mlc-ai/web-xgrammar'
import { ShapeError } from '../../core/errors.js'
import type { AllowedTokens, GrammarSource } from '../../core/model.js'
import type { Vocabulary } from '../checkpoint/tokenizer/vocabularyOf.js'
import { readGrammar } from './readGrammar.js'
import { xgrammar } from './xgrammar.js'

type Read = Readonly<{ matcher: GrammarMatcher; tokenIds: readonly number[] }>

const goesOn = (before: readonly number[], tokenIds: readonly number[]): boolean =>
  before.length <= tokenIds.length && before.every((id, index) => id === tokenIds[index])

/** Finds the tokens that a grammar allows after a sequence. The first call compiles the grammar for the vocabulary. */
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
  // Matchers are in WebAssembly's memory. A matcher is freed together with its sequence.
  const forgotten = new FinalizationRegistry<GrammarMatcher>((matcher) => matcher.dispose())

  return async ({ key, tokenIds }) => {
    compiled ??= compile()
    const known = held.get(key)
    // A call that comes while this matcher reads gets its own matcher.
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
