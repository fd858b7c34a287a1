import { OptionError } from '../../core/errors.js'

/** A model on the hub, at a branch, tag or commit. */
export type Repository = Readonly<{ name: string; revision: string }>

const PART = '[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?'
const NAME = new RegExp(`^(${PART}(?:/${PART})?)(?:@([^\\s@:?*\\\\[~^]+))?$`)

/** Parses `ORG/NAME[@REVISION]`, or `NAME[@REVISION]` of old models. The default revision is `main`. Undefined for any other text. */
export function parseRepository(text: string): Repository | undefined {
  const [, name, revision = 'main'] = NAME.exec(text) ?? []
  if (name === undefined || /--|\.\./.test(name) || revision.split('/').some((part) => part === '' || part.startsWith('.')))
    return undefined
  return { name, revision }
}

/** Parses a file of a model on the hub, `ORG/NAME[@REVISION]:FILE.gguf`; undefined for any other text. */
export function parseRepositoryFile(text: string): Readonly<{ repository: string; file: string }> | undefined {
  const [, repository, file] = /^([^:]+\/[^:]+):(.+\.gguf)$/.exec(text) ?? []
  return repository !== undefined && file !== undefined && parseRepository(repository) ? { repository, file } : undefined
}

/** @throws OptionError if the text names no model */
export function repositoryOf(text: string): Repository {
  const repository = parseRepository(text)
  if (repository === undefined) throw new OptionError(`Expected a model as ORG/NAME or ORG/NAME@REVISION, got \`${text}\``)
  return repository
}
