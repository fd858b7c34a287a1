import type { Command } from 'commander'

/**
 * Gathers the flags of a command line, each as `--flag` or `--flag=value`, so that another process can parse them again.
 *
 * @param command the command, before it parses; flags that it gets later do not count
 */
export function flagsGiven(command: Command): readonly string[] {
  const given: string[] = []
  for (const option of command.options)
    command.on(`option:${option.name()}`, (value: string | null | undefined) => {
      // Flags without a value give undefined, and those whose value may be left out null.
      given.push(`${option.long}${value === null || value === undefined ? '' : `=${value}`}`)
    })
  return given
}
