/** An option is not what it may be. The message says which one, what was expected and what came. */
export class OptionError extends Error {
  override readonly name = 'OptionError'
  readonly #path: readonly PropertyKey[]

  constructor(message: string, path: readonly PropertyKey[] = []) {
    super(message)
    this.#path = path
  }

  /** Where in the options it is, so that whoever read them from a file can name the line. */
  get path(): readonly PropertyKey[] {
    return this.#path
  }
}

/** A contract between operators or models was broken; the message carries expected and actual. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError'
}

/** A model folder cannot be used: what, in which file, and what was expected. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
}

/** A model is gone, its worker dead or closed, or its weights are of no use: no prompt can go on, and none of them is to blame. */
export class ModelLostError extends Error {
  override readonly name = 'ModelLostError'
}

/** Messages cannot be rendered: there is no chat template, or it refuses them. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
}

/** Input that is no prompt: file, line and what was expected. */
export class InputError extends Error {
  override readonly name = 'InputError'
}

/** An output folder or file cannot be used as asked. */
export class OutputError extends Error {
  override readonly name = 'OutputError'
}

/** A reward failed: it threw, timed out, or gave something that is not one finite number a candidate. */
export class RewardError extends Error {
  override readonly name = 'RewardError'
}

/**
 * A server behind HTTP gave no answer that can be used. `isHopeless`: the next call would fare no better (wrong key, wrong address).
 * `kind`: the server refused this call, gave a wrong answer, or is down or busy (`outage`), which is no call's own fault.
 */
export class RemoteError extends Error {
  override readonly name = 'RemoteError'
  constructor(
    message: string,
    readonly isHopeless = false,
    readonly kind: 'answer' | 'refusal' | 'outage' = 'answer',
  ) {
    super(message)
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
