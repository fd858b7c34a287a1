import type * as z from 'zod'

const types: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'an integer',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'text',
}

/** Zod's own message for a check without one. */
const UNTOLD = 'Invalid input'

/**
 * Says what a schema expected of a value that it refused: the message of the failed check, else the field's description (also of an optional
 * field), else the type.
 */
export function expectation(field: z.ZodType | undefined, issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom' && issue.message !== UNTOLD) return issue.message
  return descriptionOf(field) ?? plainly(issue)
}

function descriptionOf(field: z.ZodType | undefined): string | undefined {
  if (field === undefined) return undefined
  return field.description ?? descriptionOf((field.def as Readonly<{ innerType?: z.ZodType }>).innerType)
}

/** The expectation in an issue, without zod's own words. */
export const plainly = (issue: z.core.$ZodIssue): string =>
  issue.code === 'invalid_type'
    ? (types[issue.expected] ?? issue.expected)
    : issue.message.replace(/^Invalid input: expected /, '')
