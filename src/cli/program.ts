import { Command } from 'commander'
import { version } from '../core/run.js'
import { benchCommand } from './bench/bench.js'
import { catCommand } from './cat.js'
import { evalCommand } from './eval.js'
import { explainCommand } from './explain.js'
import { generateCommand } from './generate/generate.js'
import { inspectCommand } from './inspect/inspect.js'
import { judgeCommand } from './judge/judge.js'
import { mergeCommand } from './merge.js'
import { pullCommand } from './pull.js'
import { queueCommand } from './queue.js'
import { reportCommand } from './report/report.js'
import { reproduceCommand } from './reproduce/reproduce.js'
import { scoreCommand } from './score.js'
import { serveCommand } from './serve.js'
import { statusCommand } from './status.js'
import { submitCommand } from './submit.js'
import { sweepCommand } from './sweep.js'
import { reportError, type Terminal } from './terminal.js'
import { tuneCommand } from './tune/tune.js'
import { verifyCommand } from './verify.js'
import { whyCommand } from './why.js'
import { engineCommand } from './worker/engine.js'
import { workerCommand } from './worker/worker.js'

/** Builds the command line with all verbs. A usage error prints one line on stderr and throws a CommanderError; it never ends the process. */
export function program(terminal: Terminal): Command {
  const { stdout, stderr } = terminal
  const root = new Command('rxargs').description('reward-guided decoding (ARGS)').version(version)
  root.enablePositionalOptions()
  const verbs = [
    generateCommand(terminal),
    submitCommand(terminal),
    workerCommand(terminal),
    statusCommand(terminal),
    queueCommand(terminal),
    scoreCommand(terminal),
    evalCommand(terminal),
    reportCommand(terminal),
    sweepCommand(terminal),
    tuneCommand(terminal),
    judgeCommand(terminal),
    reproduceCommand(terminal),
    catCommand(terminal),
    verifyCommand(terminal),
    mergeCommand(terminal),
    whyCommand(terminal),
    inspectCommand(terminal),
    serveCommand(terminal),
    pullCommand(terminal),
    benchCommand(terminal),
    explainCommand(terminal),
  ]
  const engine = engineCommand(terminal)
  for (const command of verbs) root.addCommand(command)
  root.addCommand(engine, { hidden: true })
  for (const command of [root, ...verbs, engine]) {
    command
      .option('--debug', 'print the stack trace of an error')
      .exitOverride()
      .showSuggestionAfterError(true)
      .configureOutput({
        writeOut: (text) => stdout.write(text),
        writeErr: (text) => stderr.write(text),
        outputError: (text) => reportError(terminal, text.replace(/^error: /, '')),
      })
  }
  return root
}
