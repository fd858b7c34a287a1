/**
 * A number that JavaScript would write in another way than its JSON does: `22.0`, or an integer beyond 2^53. A chat template writes it as
 * Python does.
 */
export class JsonNumber {
  constructor(readonly text: string) {}

  toJSON(): string {
    return this.text
  }
}

/** An object whose keys keep their order, also those that look like numbers. */
export class JsonObject extends Map<string, Json> {
  toJSON(): [string, Json][] {
    return [...this]
  }
}

/** A value as JSON has it. */
export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | JsonNumber
  | JsonObject
  | readonly Json[]
  | Readonly<{ [key: string]: Json | undefined }>
