import { Command } from 'commander'
import { hubSettings } from '../models/hub/hubSettings.js'
import { pull } from '../models/hub/pull.js'
import { repositoryOf } from '../models/hub/repository.js'
import { repeated, text } from './flags/flags.js'
import { bytes } from './print/describeModel.js'
import { pullProgress } from './print/pullProgress.js'
import { type Terminal, writeLine } from './terminal.js'

type Flags = Readonly<{ include?: readonly string[] }>

/** `rxargs pull`: the only command that uses the network, and only when it is asked to. */
export const pullCommand = ({ stdout, stderr, signal }: Terminal): Command =>
  new Command('pull')
    .description('fetch a model from the hub into the cache that the Python tools share, and print its folder')
    .argument('<model>', 'ORG/NAME, or ORG/NAME@REVISION for a branch, tag or commit other than main')
    .option(
      '--include <pattern>',
      "other files than the configs, tokenizer and safetensors, such as 'onnx/*'; repeatable",
      repeated(text('include')),
    )
    .action(async (model: string, { include }: Flags) => {
      const repository = repositoryOf(model)
      const settings = await hubSettings(process.env)
      const shown = pullProgress({ stream: stderr })
      shown.say(`${model} from ${settings.endpoint}`)
      const folder = await pull(settings, repository, {
        ...(include && { include }),
        signal,
        onFiles: (files) => {
          shown.files(files)
          shown.say(`${files.length} files, ${bytes(files.reduce((sum, { size }) => sum + size, 0))}`)
        },
        onBytes: shown.bytes,
      })
      shown.say(`${model} is there: --lm or --reward ${model} finds it without the network`)
      await writeLine(stdout, folder, signal)
    })
