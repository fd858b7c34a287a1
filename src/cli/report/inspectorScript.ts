/**
 * What the page's inspector does, as the text of its only script. It reads the data that the page brings along and writes text nodes: what
 * a prompt or a reply says is never read as HTML.
 */
export const inspectorScript = `'use strict'
const data = JSON.parse(document.getElementById('inspector-data').textContent)
const byId = (id) => document.getElementById(id)
const [rowMenu, runMenu, prompt, reply, panel, summary] =
  ['row', 'run', 'prompt', 'reply', 'panel', 'summary'].map((name) => byId('inspector-' + name))
let [row, shown, at] = [data.rows[0], undefined, 0]

const element = (name, text, className) => {
  const made = document.createElement(name)
  if (text !== undefined) made.textContent = text
  if (className) made.className = className
  return made
}
const number = (value) => (value === null || value === undefined ? '' : value.toFixed(3))
const textOf = (text, id) => (text === null ? '[' + id + ']' : data.texts[text])
const visible = (text) => text.replace(/\\n/g, '⏎\\n').replace(/\\t/g, '⇥\\t')
const quoted = (text, id) => (text === null ? String(id) : JSON.stringify(data.texts[text]))

const differing = ({ steps }) => (steps || []).filter(({ differs }) => differs).length

function fill(menu, options, chosen) {
  menu.replaceChildren(...options.map(([value, text]) => {
    const option = element('option', text)
    option.value = value
    return option
  }))
  menu.value = String(chosen)
}

function showStep(next) {
  at = Math.max(0, Math.min(shown.steps.length - 1, next))
  const step = shown.steps[at]
  for (const token of reply.querySelectorAll('button')) token.setAttribute('aria-pressed', String(Number(token.dataset.at) === at))
  const table = element('table')
  const head = table.createTHead().insertRow()
  for (const name of ['token', 'logit', ...shown.rewards, 'score']) {
    const cell = element('th', name)
    cell.scope = 'col'
    head.append(cell)
  }
  const body = table.createTBody()
  step.candidates.forEach(([text, id, logit, score, ...rewards], index) => {
    const line = body.insertRow()
    const isGreedy = index === step.greedy
    line.className = index === step.chosen ? 'chosen' : isGreedy && step.differs ? 'greedy' : ''
    const name = element('td')
    name.append(element('code', quoted(text, id)))
    if (index === step.chosen) name.append(element('b', ' chosen'))
    if (isGreedy) name.append(element('i', ' greedy'))
    line.append(name, ...[logit, ...rewards, score].map((value) => element('td', number(value))))
  })
  const told = 'Step ' + at + ' of ' + shown.steps.length + ': ' + quoted(step.text, step.id) +
    (step.differs ? ', where greedy decoding would have taken ' + quoted(...step.candidates[step.greedy]) : ', as greedy decoding')
  const scroll = element('div', undefined, 'scroll')
  scroll.append(table)
  panel.replaceChildren(element('p', told), scroll)
}

function showReply() {
  shown = row.replies.find(({ run }) => String(run) === runMenu.value) || row.replies[0]
  prompt.textContent = row.prompt.trim()
  const { steps, completion, reward } = shown
  panel.replaceChildren()
  if (!steps) {
    reply.replaceChildren(element('span', completion))
    summary.textContent = 'Reward ' + number(reward) + '. Decoded without --trace: there are no candidates to show.'
    return
  }
  summary.textContent = steps.length + ' tokens, ' + differing(shown) + ' of them (marked) other than greedy decoding takes. Reward ' + number(reward) + '.'
  reply.replaceChildren(...steps.map((step, index) => {
    const token = element('button', visible(textOf(step.text, step.id)), step.differs ? 'token differs' : 'token')
    token.type = 'button'
    token.dataset.at = index
    token.addEventListener('click', () => showStep(index))
    return token
  }))
  const first = steps.findIndex(({ differs }) => differs)
  if (steps.length > 0) showStep(Math.max(0, first))
}

function showRow() {
  row = data.rows[Number(rowMenu.value)]
  const held = row.replies.map(({ run }) => run)
  const before = Number(runMenu.value)
  const most = row.replies.reduce((best, next) => (differing(next) > differing(best) ? next : best))
  fill(runMenu, held.map((run) => [run, data.runs[run]]), held.includes(before) && runMenu.value !== '' ? before : most.run)
  showReply()
}

fill(rowMenu, data.rows.map(({ id, sample, prompt: text }, index) => {
  const said = text.trim().replace(/\\s+/g, ' ')
  return [index, id + (sample > 0 ? ', sample ' + sample : '') + ': ' + (said.length > 60 ? said.slice(0, 59) + '…' : said)]
}), 0)
rowMenu.addEventListener('change', showRow)
runMenu.addEventListener('change', showReply)
reply.addEventListener('keydown', (event) => {
  const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
  if (!move) return
  event.preventDefault()
  showStep(at + move)
  reply.querySelector('[data-at="' + at + '"]').focus()
})
showRow()
`
