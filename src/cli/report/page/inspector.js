// The page's only script. It reads the data in the page and writes text nodes, so nothing in a prompt or a reply is read as HTML.

const data = JSON.parse(document.getElementById('inspector-data').textContent)
const rowMenu = document.getElementById('inspector-row')
const prompt = document.getElementById('inspector-prompt')
const difference = document.getElementById('inspector-difference')
let row = data.rows[0]

const element = (name, text, className) => {
  const made = document.createElement(name)
  if (text !== undefined) made.textContent = text
  if (className) made.className = className
  return made
}
const number = (value) => (value === null || value === undefined ? '' : value.toFixed(3))
const tokenText = (text, id) => (text === null ? `[${id}]` : data.texts[text])
const visible = (text) => text.replace(/\n/g, '⏎\n').replace(/\t/g, '⇥\t')
const quoted = (text, id) => (text === null ? String(id) : JSON.stringify(data.texts[text]))
const countDiffering = ({ steps }) => (steps ?? []).filter(({ differs }) => differs).length

function fill(menu, options, chosen) {
  menu.replaceChildren(
    ...options.map(([value, text]) => {
      const option = element('option', text)
      option.value = value
      return option
    }),
  )
  menu.value = String(chosen)
}

function candidateTable({ candidates, chosen, greedy, differs }, rewards) {
  const table = element('table')
  const head = table.createTHead().insertRow()
  for (const name of ['token', 'logit', ...rewards, 'score']) {
    const cell = element('th', name)
    cell.scope = 'col'
    head.append(cell)
  }
  const body = table.createTBody()
  candidates.forEach(([text, id, logit, score, ...values], index) => {
    const line = body.insertRow()
    const isGreedy = index === greedy
    line.className = index === chosen ? 'chosen' : isGreedy && differs ? 'greedy' : ''
    const name = element('td')
    name.append(element('code', quoted(text, id)))
    if (index === chosen) name.append(element('b', ' chosen'))
    if (isGreedy) name.append(element('i', ' greedy'))
    line.append(name, ...[logit, ...values, score].map((value) => element('td', number(value))))
  })
  const scroll = element('div', undefined, 'scroll')
  scroll.append(table)
  return scroll
}

/** One of two replies side by side: its run, its tokens, and the candidates of the picked token. */
function sideOf(root, onChange) {
  const [menu, summary, reply, panel] = ['.run', '.summary', '.reply', '.panel'].map((name) => root.querySelector(name))
  let current
  let at = 0

  function showStep(next) {
    at = Math.max(0, Math.min(current.steps.length - 1, next))
    const step = current.steps[at]
    for (const token of reply.querySelectorAll('.token')) {
      const isPicked = Number(token.dataset.at) === at
      token.setAttribute('aria-pressed', String(isPicked))
      token.tabIndex = isPicked ? 0 : -1
    }
    const instead = step.differs ? `greedy would have chosen ${quoted(...step.candidates[step.greedy])}` : 'as greedy'
    const heading = element('p', `Step ${at} of ${current.steps.length}: ${quoted(step.text, step.id)}, ${instead}`)
    panel.replaceChildren(heading, candidateTable(step, current.rewards))
  }

  function showReply() {
    current = row.replies.find(({ run }) => String(run) === menu.value) ?? row.replies[0]
    const { steps, completion, reward } = current
    panel.replaceChildren()
    if (!steps) {
      reply.replaceChildren(element('span', completion))
      summary.textContent = `Reward ${number(reward)}. Decoded without --trace, so there are no candidates.`
      return
    }
    summary.textContent = `Reward ${number(reward)}. ${steps.length} tokens, ${countDiffering(current)} differ from greedy.`
    reply.replaceChildren(
      ...steps.map((step, index) => {
        // Button elements are boxes, so lines would break in the middle of words.
        const token = element('span', visible(tokenText(step.text, step.id)), step.differs ? 'token differs' : 'token')
        token.setAttribute('role', 'button')
        token.dataset.at = index
        token.addEventListener('click', () => showStep(index))
        return token
      }),
    )
    const first = steps.findIndex(({ differs }) => differs)
    if (steps.length > 0) showStep(Math.max(0, first))
  }

  menu.addEventListener('change', () => {
    showReply()
    onChange()
  })
  reply.addEventListener('keydown', (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (!move) return
    event.preventDefault()
    showStep(at + move)
    reply.querySelector(`[data-at="${at}"]`).focus()
  })
  return {
    current: () => current,
    /** Shows the chosen row in the run of the row before, or in the proposed run. */
    showRow(proposed) {
      const runs = row.replies.map(({ run }) => run)
      const before = menu.value === '' ? proposed : Number(menu.value)
      const kept = runs.includes(before) ? before : runs[0]
      fill(
        menu,
        runs.map((run) => [run, data.runs[run]]),
        kept,
      )
      showReply()
    },
  }
}

const sides = [...document.querySelectorAll('.side')].map((root) => sideOf(root, showDifference))

/** Shows the first token at which the two replies differ. */
function showDifference() {
  const [one, other] = sides.map((side) => side.current())
  if (!one?.steps || !other?.steps || one.run === other.run) {
    difference.textContent = ''
    return
  }
  const at = one.steps.findIndex(({ id }, index) => other.steps[index]?.id !== id)
  const first = at === -1 ? one.steps.length : at
  const isSame = at === -1 && one.steps.length === other.steps.length
  difference.textContent = isSame ? 'Both replies are the same.' : `The replies differ from token ${first} on.`
}

function showRow() {
  row = data.rows[Number(rowMenu.value)]
  prompt.textContent = row.prompt.trim()
  const runs = row.replies.map(({ run }) => run)
  sides.forEach((side, index) => {
    side.showRow(runs[Math.min(index, runs.length - 1)])
  })
  showDifference()
}

fill(
  rowMenu,
  data.rows.map(({ id, sample, prompt: text }, index) => {
    const said = text.trim().replace(/\s+/g, ' ')
    const short = said.length > 60 ? `${said.slice(0, 59)}…` : said
    return [index, `${id}${sample > 0 ? `, sample ${sample}` : ''}: ${short}`]
  }),
  0,
)
rowMenu.addEventListener('change', showRow)
showRow()
