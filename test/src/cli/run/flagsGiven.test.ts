import { Command } from 'commander'
import { expect, it } from 'vitest'
import { flagsGiven } from '../../../../src/cli/run/flagsGiven.js'

const given = (...args: string[]): readonly string[] => {
  const command = new Command()
    .option('--force', 'has no value')
    .option('--no-cache', 'turns something off')
    .option('--lm <folder>', 'has a value', 'a default')
    .option('-o, --output <folder>', 'has a short name')
    .option('--trace [kind]', 'may have a value')
  const flags = flagsGiven(command)
  command.parse(args, { from: 'user' })
  return flags
}

it.each([
  ['a flag without a value', ['--force'], ['--force']],
  ['a flag that turns something off', ['--no-cache'], ['--no-cache']],
  ['a value that may be missing', ['--trace'], ['--trace']],
  ['a value that may be missing, and is there', ['--trace', 'all'], ['--trace=all']],
  ['values, empty or with a dash or an equals sign', ['--lm', '', '--lm=-a=b'], ['--lm=', '--lm=-a=b']],
  ['short names as long ones, in their order', ['-o', 'out', '--force'], ['--output=out', '--force']],
  ['no default', [], []],
])('gives %s', (_, args, expected) => {
  expect(given(...args)).toEqual(expected)
  // Parsed again, they are the same.
  expect(given(...expected)).toEqual(expected)
})
