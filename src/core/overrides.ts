/**
 * What a row sets for itself. `pipeline`: a decoder's or a search's name, a spec, or one as YAML or JSON; `weight`, `k`, `temperature`:
 * of the steps that state them, or of the search. Sources hand on what they found: it is checked when the row is decoded.
 */
export type Overrides = Readonly<
  Partial<Record<'pipeline' | 'weight' | 'k' | 'temperature' | 'seed' | 'maxNewTokens' | 'maxPromptTokens' | 'truncate', unknown>>
>
