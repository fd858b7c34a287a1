import * as z from 'zod'

/** A number that fits fp32, in which scores are computed. A larger one would make every score infinite. */
export const fp32Number = z
  .number()
  .refine((value) => Number.isFinite(Math.fround(value)), 'a number that fp32 can hold (at most 3.4e38)')
  .describe('a finite number')
