/** The page's only style: one column on a phone, light or dark as the reader has it. */
export const pageStyle = `
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5d6570; --paper: #fff; --line: #d9dde3; --mark: #ffe3a3; --pick: #2b5fd9; --card: #f6f7f9 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --soft: #a2abb6; --paper: #16181b; --line: #353a41; --mark: #6b4e00; --pick: #8fb0ff; --card: #1e2125 }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 72rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.6rem; margin: .5rem 0 } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem }
p, li { max-width: 48rem } .soft { color: var(--soft) } ul { padding-left: 1.2rem }
.scroll { overflow-x: auto; max-width: 100% }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; margin: .5rem 0 }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; vertical-align: top }
th:first-child, td:first-child { text-align: left; padding-left: 0 } thead th { color: var(--soft); font-weight: 600 }
th.text, td.text { text-align: left; white-space: normal; min-width: 12rem }
tbody th { font-weight: 600 }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem }
figure { margin: 0; max-width: 34rem } figure svg { width: 100%; height: auto; display: block }
.menus { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 16rem), 1fr)); gap: .75rem; margin: .75rem 0 }
label { display: block; font-size: .875rem; color: var(--soft) }
select { display: block; width: 100%; font: inherit; padding: .45rem; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: .4rem }
.inspector { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1.5rem; align-items: start }
.text-block { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--card); border-radius: .5rem; padding: .75rem; line-height: 1.8 }
#inspector-prompt { color: var(--soft); line-height: 1.5; max-height: 12rem; overflow: auto; margin-bottom: .75rem }
.token { font: inherit; color: inherit; background: none; border: 0; padding: .1rem 0; margin: 0; white-space: pre-wrap; display: inline; cursor: pointer; border-radius: .2rem; text-align: left }
.token:hover { background: var(--line) } .token.differs { background: var(--mark) }
.token[aria-pressed=true] { outline: 2px solid var(--pick); outline-offset: 1px }
#inspector-panel { position: sticky; top: 1rem } #inspector-panel p { margin: 0 0 .25rem }
#inspector-panel code { white-space: pre } tr.chosen td { background: color-mix(in srgb, var(--pick) 16%, transparent) } tr.greedy td { background: var(--mark) }
#inspector-panel b { color: var(--pick) } #inspector-panel i { color: var(--soft) }
@media (max-width: 48rem) {
  body { padding: .75rem } .inspector { grid-template-columns: minmax(0, 1fr); gap: .5rem }
  #inspector-panel { top: auto; bottom: 0; max-height: 46vh; overflow: auto; background: var(--paper); border-top: 2px solid var(--line); padding: .5rem 0 }
  th, td { padding: .25rem .45rem }
}
`
