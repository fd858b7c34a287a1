import * as z from 'zod'

/** A number to compute scores with, which are fp32: a larger one would make each of them infinite. */
export const fp32Number = z
  .number()
  .refine((value) => Number.isFinite(Math.fround(value)), 'a number that fp32 can hold (at most 3.4e38)')
  .describe('a finite number')
