/** An invalid option. The message names it, what was expected and its value. */
export class OptionError extends Error {
  override readonly name = 'OptionError'
  readonly #path: readonly PropertyKey[]

  constructor(message: string, path: readonly PropertyKey[] = []) {
    super(message)
    this.#path = path
  }

  /** Path of the value inside the options. A reader of a file uses it to name the line. */
  get path(): readonly PropertyKey[] {
    return this.#path
  }
}

/** An operator or model broke a contract. The message has the expected and the actual shape. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError'
}

/** A model folder cannot be used. The message names the fault, the file and what was expected. */
export class ModelError extends Error {
  override readonly name: string = 'ModelError'
}

/** There is no model at a path, nor in the hub's cache. */
export class MissingModelError extends ModelError {}

/** A model's worker has died or was closed, its GPU is lost or full, or its weights are not finite. No prompt can go on, and none is at fault. */
export class ModelLostError extends Error {
  override readonly name = 'ModelLostError'
}

/** No memory was left for a call of a model. No prompt is at fault: the same call may succeed when the machine does less. */
export class OutOfMemoryError extends Error {
  override readonly name = 'OutOfMemoryError'
}

/** Texts of V8 and of onnxruntime. */
const NO_MEMORY = /Array buffer allocation failed|Out of memory|Failed to allocate memory|bad_alloc/i

/** Whether V8 or onnxruntime says that no memory is left. */
export const isOutOfMemory = (error: unknown): boolean => NO_MEMORY.test(messageOf(error))

/** Whether V8 could not allocate in this thread. */
export const isAllocationFailure = (error: unknown): error is RangeError => error instanceof RangeError && isOutOfMemory(error)

/** Whether an error ends a run: no prompt is at fault, and an error row would depend on the load of the machine. */
export const endsRun = (error: unknown): boolean =>
  error instanceof ModelLostError || error instanceof OutOfMemoryError || isAllocationFailure(error)

/** Messages cannot be rendered because there is no chat template, or because it refuses them. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'

  /** @param withoutFolder the message for somebody who must not learn the model's folder */
  constructor(
    message: string,
    readonly withoutFolder = message,
  ) {
    super(message)
  }
}

/** Input that is no prompt. The message names the file, the line and what was expected. */
export class InputError extends Error {
  override readonly name = 'InputError'
}

/** An output folder or file cannot be used as asked. */
export class OutputError extends Error {
  override readonly name = 'OutputError'
}

/** A reward threw, timed out, or did not give one finite number per candidate. */
export class RewardError extends Error {
  override readonly name = 'RewardError'
}

/**
 * An HTTP server gave no usable answer. `isHopeless` means that the next call would fail, too (wrong key, wrong address). `kind` says whether
 * the server refused this call, gave a wrong answer, failed at it (500), or is down or busy (`outage`), for which the call is not at fault.
 */
export class RemoteError extends Error {
  override readonly name = 'RemoteError'
  constructor(
    message: string,
    readonly isHopeless = false,
    readonly kind: 'answer' | 'refusal' | 'failure' | 'outage' = 'answer',
  ) {
    super(message)
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * Imports packages that are an optional install.
 *
 * @throws OptionError that says what to install
 */
export async function optionalPackage<T>(load: () => Promise<T>, feature: string, packages: string): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    const more = packages.includes(' ') ? 'more packages' : 'one more package'
    throw new OptionError(`\`${feature}\` needs ${more}: npm install ${packages}`)
  }
}
