import { createHash } from 'node:crypto'
import type { Evaluation } from '../../../pipelines/evaluation/evaluate.js'
import type { SweepRow } from '../../../pipelines/evaluation/sweep.js'
import type { RunMeta } from '../../core/run.js'
import { version } from '../../core/run.js'
import { formatFigure, pairCells, runCells } from '../print/evalTable.js'
import { sweepCells } from '../print/sweepFigures.js'
import { decoderText } from '../print/whyTable.js'
import { escaped, jsonIn, tableHtml } from './html.js'
import type { InspectorData } from './inspected.js'
import { inspectorScript } from './inspectorScript.js'
import { pageStyle } from './pageStyle.js'

/** What the page says. `plots` are SVG; `sample` is how many rows of each run the inspector was asked to have. */
export type PageContent = Readonly<{
  evaluation: Evaluation
  /** What went into each run, in their order; undefined of files that do not say. */
  metas: readonly (RunMeta | undefined)[]
  plots: readonly string[]
  /** The points of a sweep and their plots as SVG; none where no sweep was named. */
  sweep: Readonly<{ rows: readonly SweepRow[]; plots: readonly string[] }>
  notices: readonly string[]
  inspector: InspectorData
  sample: Readonly<{ size: number; seed: number }>
}>

const section = (title: string, ...body: readonly string[]): string => `<section><h2>${title}</h2>${body.join('\n')}</section>`

/** A report as one page of HTML that loads nothing: whatever a reply says, its policy runs one script, the page's own. */
export function reportPage({ evaluation, metas, plots, sweep, notices, inspector, sample }: PageContent): string {
  const script = createHash('sha256').update(inspectorScript).digest('base64')
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${script}'; base-uri 'none'; form-action 'none'`
  const names = evaluation.runs.map(({ name }) => name)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>rxargs report: ${escaped(names.join(', '))}</title>
<style>${pageStyle}</style>
</head>
<body>
<h1>rxargs report</h1>
<p class="soft">Made by rxargs ${escaped(version)}. Everything is in this file.</p>
${section('Metrics', tableHtml(runCells(evaluation)), pairsHtml(evaluation), noticesHtml(notices))}
${section('Distributions', '<p class="soft">Error rows are left out. Every bar is a share of the run\'s replies.</p>', plotsHtml(plots))}
${sweep.rows.length === 0 ? '' : section('Sweep', plotsHtml(sweep.plots), tableHtml(sweepCells(sweep.rows, formatFigure)))}
${section('Tokens', inspectorHtml(inspector, sample, evaluation))}
${section('Runs', runsHtml(names, metas))}
</body>
</html>
`
}

const plotsHtml = (plots: readonly string[]): string =>
  `<div class="plots">${plots.map((svg) => `<figure>${svg}</figure>`).join('\n')}</div>`

const pairsHtml = (evaluation: Evaluation): string =>
  evaluation.pairs.length === 0
    ? ''
    : `<p>Each run less the first, over the replies that both have, with 95% bootstrap intervals:</p>${tableHtml(pairCells(evaluation))}`

const noticesHtml = (notices: readonly string[]): string =>
  notices.length === 0 ? '' : `<ul class="soft">${notices.map((notice) => `<li>${escaped(notice)}</li>`).join('')}</ul>`

function inspectorHtml(data: InspectorData, { size, seed }: PageContent['sample'], { runs }: Evaluation): string {
  const most = Math.max(0, ...runs.map(({ rows }) => rows))
  if (data.rows.length === 0) return `<p>No reply is in this page${size === 0 ? ': <code>--inspect 0</code>' : ''}.</p>`
  const which = most > size ? `A sample of ${size} of up to ${most} replies a run, drawn by seed ${seed}` : 'All replies'
  return `<p>${which}. Each token was chosen among candidates: pick a token to see them. Marked is where greedy decoding would have taken another one.</p>
<noscript><p>Without scripts the tokens cannot be formatFigure.</p></noscript>
<div class="menus"><label>Prompt <select id="inspector-row"></select></label><label>Run <select id="inspector-run"></select></label></div>
<p id="inspector-summary" class="soft"></p>
<div class="inspector">
<div><div id="inspector-prompt" class="text-block"></div><div id="inspector-reply" class="text-block"></div></div>
<div id="inspector-panel" aria-live="polite"></div>
</div>
<script id="inspector-data" type="application/json">${jsonIn(data)}</script>
<script>${inspectorScript}</script>`
}

function runsHtml(names: readonly string[], metas: readonly (RunMeta | undefined)[]): string {
  const cell = (text: string): string => `<td class="text">${escaped(text)}</td>`
  const rows = names.map((name, index) => {
    const meta = metas[index]
    const models = Object.entries(meta?.models ?? {}).map(
      ([role, { path, sha256 }]) => `${role}: ${path}${sha256 === undefined ? '' : ` (${sha256.slice(0, 8)})`}`,
    )
    return `<tr><th scope="row">${escaped(name)}</th>${cell(decoderText(meta) ?? '')}${cell(models.join(', '))}<td>${meta?.seed ?? ''}</td></tr>`
  })
  const head =
    '<th scope="col">run</th><th scope="col" class="text">decoder</th><th scope="col" class="text">models</th><th scope="col">seed</th>'
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}
