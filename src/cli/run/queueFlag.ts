import { type Command, Option } from 'commander'
import { OptionError } from '../../core/errors.js'
import { queueAddress } from '../../queue/connect.js'

export type QueueFlag = Readonly<{ queue?: string }>

/** Adds the flag for the address of a queue. Its environment variable keeps a password out of the list of processes. */
export const queueFlag = (command: Command): Command =>
  command.addOption(
    new Option('--queue <url>', 'Redis or Valkey server of the queue: redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]')
      .env('RXARGS_QUEUE')
      .argParser((text: string) => {
        // A variable that is set to nothing is not set.
        if (text !== '') queueAddress(text)
        return text
      }),
  )

/** @throws OptionError without an address */
export function queueOf({ queue }: QueueFlag): string {
  if (queue === undefined || queue === '')
    throw new OptionError('Expected `--queue` to be redis://HOST, or RXARGS_QUEUE in the environment, got none')
  return queue
}
