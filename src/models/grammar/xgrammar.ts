import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type * as Library from '@mlc-ai/web-xgrammar'

export type XGrammar = typeof Library

/** The library, and what it last said on its console: the reason of an error, which it throws without. */
export type LoadedXGrammar = Readonly<{ library: XGrammar; said: string[] }>

/**
 * XGrammar in WebAssembly. Its package says that it is an ES module, and is a script for `require`, which Node then refuses both ways:
 * it is read and called as the script that it is. Each call gives an instance of its own: a grammar that cannot be read aborts its
 * instance, and must not take others with it.
 */
export function xgrammar(): LoadedXGrammar {
  const require = createRequire(import.meta.url)
  const path = require.resolve('@mlc-ai/web-xgrammar')
  const said: string[] = []
  const say = (text: unknown): void => {
    said.push(String(text))
  }
  const console = { log: say, warn: say, error: say }
  const exports = {} as XGrammar
  // What was not loaded as a module may not import one in every host, such as a test runner's.
  const source = readFileSync(path, 'utf8').replaceAll("await import('module')", 'nodeModule')
  const script = new Function('exports', 'module', 'require', '__filename', 'console', 'nodeModule', source)
  script(exports, { exports }, require, path, console, { createRequire })
  return { library: exports, said }
}
