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

/** What zod says of a check that was given no words of its own. */
const UNTOLD = 'Invalid input'

/**
 * What was expected of a value that a schema refused, in the words of a message: what the failed check itself says, else the field's
 * description, also where it is optional, else the type.
 */
export function expectation(field: z.ZodType | undefined, issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom' && issue.message !== UNTOLD) return issue.message
  return descriptionOf(field) ?? plainly(issue)
}

function descriptionOf(field: z.ZodType | undefined): string | undefined {
  if (field === undefined) return undefined
  return field.description ?? descriptionOf((field.def as Readonly<{ innerType?: z.ZodType }>).innerType)
}

/** What an issue says was expected, without the words of zod around it. */
export const plainly = (issue: z.core.$ZodIssue): string =>
  issue.code === 'invalid_type'
    ? (types[issue.expected] ?? issue.expected)
    : issue.message.replace(/^Invalid input: expected /, '')
