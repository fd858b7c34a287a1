import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type * as Library from '@mlc-ai/web-xgrammar'

export type XGrammar = typeof Library

/** The library and its last console message. It throws errors without a reason and prints the reason instead. */
export type LoadedXGrammar = Readonly<{ library: XGrammar; said: string[] }>

/**
 * Loads XGrammar in WebAssembly. Its package claims to be an ES module but is a script for `require`, and Node refuses both. So the script is
 * read and called directly. Each call gives a new instance, because an invalid grammar aborts its instance.
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
  // A script that is no module cannot import modules in every host, for example in a test runner.
  const source = readFileSync(path, 'utf8').replaceAll("await import('module')", 'nodeModule')
  const script = new Function('exports', 'module', 'require', '__filename', 'console', 'nodeModule', source)
  script(exports, { exports }, require, path, console, { createRequire })
  return { library: exports, said }
}
