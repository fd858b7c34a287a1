import { OptionError } from '../../core/errors.js'

/** A model on the hub, at a branch, tag or commit. */
export type Repository = Readonly<{ name: string; revision: string }>

const PART = '[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?'
const NAME = new RegExp(`^(${PART}(?:/${PART})?)(?:@([^\\s@:?*\\\\[~^]+))?$`)

/** Reads `ORG/NAME`, or `NAME` as old models have it, with `@REVISION` after it or `main`; nothing where it is none. */
export function parseRepository(text: string): Repository | undefined {
  const [, name, revision = 'main'] = NAME.exec(text) ?? []
  if (name === undefined || /--|\.\./.test(name) || revision.split('/').some((part) => part === '' || part.startsWith('.')))
    return undefined
  return { name, revision }
}

/** @throws OptionError where the text names no model */
export function repositoryOf(text: string): Repository {
  const repository = parseRepository(text)
  if (repository === undefined) throw new OptionError(`Expected a model as ORG/NAME or ORG/NAME@REVISION, got \`${text}\``)
  return repository
}
