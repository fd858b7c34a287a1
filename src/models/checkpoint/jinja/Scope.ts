import { type JinjaValue, Undefined } from './values.js'

/** The variables of a block. A name that is not set here comes from the scope around it. */
export class Scope {
  readonly #values: Map<string, JinjaValue>

  constructor(
    readonly around?: Scope,
    values: Iterable<readonly [string, JinjaValue]> = [],
  ) {
    this.#values = new Map(values)
  }

  get(name: string): JinjaValue {
    for (let scope: Scope | undefined = this; scope; scope = scope.around) {
      const value = scope.#values.get(name)
      if (value !== undefined) return value
    }
    return new Undefined(`'${name}' is undefined`)
  }

  set(name: string, value: JinjaValue): void {
    this.#values.set(name, value)
  }
}
