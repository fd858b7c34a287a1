import { concat, ignoreElements, type Observable, type OperatorFunction, of } from 'rxjs'

/** A call of a batched model on its way through the scheduler, with the tokens of a prompt that it brings. */
export type Weighed<Call> = Readonly<{ call: Call; promptTokens: number }>

/**
 * Sends a sequence's first call after calls that read its tokens up to each multiple of `chunk`, one after the other, so that the
 * steps of other sequences come between them. Where the cuts are follows from the sequence alone. Later calls go as they are.
 */
export function readAhead<Call, Result>(scheduled: OperatorFunction<Weighed<Call>, Result>, chunk = Number.POSITIVE_INFINITY) {
  const begun = new WeakSet<object>()
  return (key: object, tokens: number, call: Call, upTo: (tokens: number) => Call): Observable<Result> => {
    if (begun.has(key)) return of({ call, promptTokens: 0 }).pipe(scheduled)
    begun.add(key)
    const pieces: Observable<never>[] = []
    let read = 0
    for (; read + chunk < tokens; read += chunk)
      pieces.push(of({ call: upTo(read + chunk), promptTokens: chunk }).pipe(scheduled, ignoreElements()))
    return concat(...pieces, of({ call, promptTokens: tokens - read }).pipe(scheduled))
  }
}
