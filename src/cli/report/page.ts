import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Evaluation } from '../../../pipelines/evaluation/evaluate.js'
import type { SweepRow } from '../../../pipelines/evaluation/sweep.js'
import { type RunMeta, version } from '../../core/run.js'
import { formatFigure, pairCells, runCells } from '../print/evalTable.js'
import type { Cells } from '../print/formatTable.js'
import { sweepCells } from '../print/sweepFigures.js'
import { decoderText } from '../print/whyTable.js'
import { escapeHtml, jsonIn, tableHtml } from './html.js'
import type { InspectorData } from './inspectorData.js'

/** Content of the page. Plots are SVG. `sample`: number of rows drawn from each run for the inspector. */
export type PageContent = Readonly<{
  evaluation: Evaluation
  /** The folder of each run, in the evaluation's order. */
  folders: readonly string[]
  /** Settings of each run, in the same order; undefined if its files have none. */
  metas: readonly (RunMeta | undefined)[]
  /** Each metric's difference between a run and the first. */
  differences: readonly string[]
  distributions: readonly string[]
  /** Points of a sweep and their plots; empty without a sweep. */
  sweep: Readonly<{ rows: readonly SweepRow[]; plots: readonly string[] }>
  /** Notes on the figures. */
  notices: readonly string[]
  inspector: InspectorData
  /** What cannot be shown of the replies. */
  inspectorNotices: readonly string[]
  sample: Readonly<{ size: number; seed: number }>
}>

/** Maximum number of notices above the first plot. If there are more, the end of the page lists all of them. */
const MOST_NOTICES = 3

const asset = (name: string): string => readFileSync(new URL(`./page/${name}`, import.meta.url), 'utf8')

const section = (title: string, ...body: readonly string[]): string =>
  `<section id="${title.toLowerCase()}"><h2>${title}</h2>${body.join('\n')}</section>`

/** Writes a report as one HTML page that loads nothing. Its security policy allows only the page's own script, whatever a reply contains. */
export function reportPage(content: PageContent): string {
  const { evaluation, metas, folders, differences, distributions, sweep, notices, inspectorNotices } = content
  const script = asset('inspector.js')
  const hash = createHash('sha256').update(script).digest('base64')
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`
  const names = evaluation.runs.map(({ name }) => name)
  const sections = [
    section(
      'Metrics',
      tableHtml(runCells(evaluation)),
      meaningsHtml(runCells(evaluation)),
      pairsHtml(evaluation),
      shortNotices(notices),
    ),
    ...(differences.length === 0 ? [] : [section('Differences', plotsHtml(differences))]),
    section(
      'Distributions',
      '<p class="soft">Each run\'s replies without error rows. Line and band: the mean and its 95% bootstrap interval.</p>',
      plotsHtml(distributions),
    ),
    ...(sweep.rows.length === 0 ? [] : [section('Sweep', plotsHtml(sweep.plots), sweepHtml(sweep.rows))]),
    section('Replies', noticesHtml(inspectorNotices), inspectorHtml(content, script)),
    section('Runs', runsHtml(names, folders, metas)),
    ...(notices.length > MOST_NOTICES ? [section('Notes', noticesHtml(notices))] : []),
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>rxargs report: ${escapeHtml(names.join(', '))}</title>
<style>${asset('page.css')}${asset('phone.css')}</style>
</head>
<body>
<h1>rxargs report</h1>
<p class="soft">${escapeHtml(names.join(', '))}. Made by rxargs ${escapeHtml(version)}; everything is in this file.</p>
${sections.join('\n')}
</body>
</html>
`
}

/** Explanations of metrics. */
const meanings: Readonly<Record<string, string>> = {
  diversity: 'share of 2-, 3- and 4-grams that do not repeat within a reply, 1 at best',
  length: 'tokens of a reply',
  stopped: 'share of the replies that ended before the token limit',
  perplexity: 'under the language model of --lm',
  coherence: 'cosine of the embeddings of prompt and reply',
}

function meaningsHtml([head = []]: Cells): string {
  const known = head.flatMap((metric) => (meanings[metric] === undefined ? [] : [`${metric}: ${meanings[metric]}`]))
  return `<p class="soft">Means over the replies. ${known.map((meaning) => escapeHtml(meaning)).join('; ')}.</p>`
}

const plotsHtml = (plots: readonly string[]): string =>
  `<div class="plots">${plots.map((svg) => `<figure>${svg}</figure>`).join('\n')}</div>`

const pairsHtml = (evaluation: Evaluation): string =>
  evaluation.pairs.length === 0
    ? ''
    : `<h3>Difference from ${escapeHtml(evaluation.pairs[0]!.against)}</h3><p class="soft">Over the replies that both have, with 95% bootstrap intervals.</p>${tableHtml(pairCells(evaluation))}`

const sweepHtml = (rows: readonly SweepRow[]): string =>
  `<details><summary>All ${rows.length} points as a table</summary>${tableHtml(sweepCells(rows, formatFigure))}</details>`

const noticesHtml = (notices: readonly string[]): string =>
  notices.length === 0
    ? ''
    : `<ul class="soft notices">${notices.map((notice) => `<li>${escapeHtml(notice)}</li>`).join('')}</ul>`

function shortNotices(notices: readonly string[]): string {
  if (notices.length <= MOST_NOTICES) return noticesHtml(notices)
  const rest = notices.length - MOST_NOTICES + 1
  const more = `<p class="soft">${rest} more under <a href="#notes">Notes</a>.</p>`
  return noticesHtml(notices.slice(0, MOST_NOTICES - 1)) + more
}

function inspectorHtml({ inspector, sample: { size, seed }, evaluation: { runs } }: PageContent, script: string): string {
  const most = Math.max(0, ...runs.map(({ rows }) => rows))
  if (inspector.rows.length === 0) return `<p>No reply is in this page${size === 0 ? ': <code>--inspect 0</code>' : ''}.</p>`
  const which = most > size ? `A sample of ${size} of up to ${most} replies a run, drawn by seed ${seed}` : 'All replies'
  const side = `<div class="side"><label>Run <select class="run"></select></label>
<p class="summary soft"></p>
<div class="read"><div class="reply text-block"></div><div class="panel" aria-live="polite"></div></div></div>`
  return `<p>${which}. Pick a token to see its candidates. Marked tokens differ from the choice of greedy decoding.</p>
<noscript><p>Without scripts the tokens cannot be shown.</p></noscript>
<label>Prompt <select id="inspector-row"></select></label>
<div id="inspector-prompt" class="text-block"></div>
<p id="inspector-difference" class="soft"></p>
<div class="sides">${side.repeat(Math.min(2, runs.length))}</div>
<script id="inspector-data" type="application/json">${jsonIn(inspector)}</script>
<script>${script}</script>`
}

function runsHtml(names: readonly string[], folders: readonly string[], metas: readonly (RunMeta | undefined)[]): string {
  const rows = names.map((name, index) => {
    const meta = metas[index]
    const models = Object.entries(meta?.models ?? {}).map(
      ([role, { path, sha256 }]) => `${role}: ${path}${sha256 === undefined ? '' : ` (${sha256.slice(0, 8)})`}`,
    )
    return [name, folders[index]!, decoderText(meta) ?? '', models.join(', '), String(meta?.seed ?? '')]
  })
  return tableHtml([['run', 'folder', 'decoder', 'models', 'seed'], ...rows], 'words')
}
