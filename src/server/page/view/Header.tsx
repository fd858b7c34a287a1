import { useEffect, useState } from 'preact/hooks'
import type { ServerInfo } from '../state/serverInfo.js'

const themes = ['system', 'light', 'dark'] as const
type Theme = (typeof themes)[number]
const STORED = 'rxargs-theme'

/** The reader's choice. A browser may refuse storage; then the choice lasts as long as the page. */
function storedTheme(): Theme {
  try {
    return themes.find((theme) => theme === localStorage.getItem(STORED)) ?? 'system'
  } catch {
    return 'system'
  }
}

function store(theme: Theme): void {
  try {
    localStorage.setItem(STORED, theme)
  } catch {
    // Nothing is lost but the memory of it.
  }
}

export function Header({ server }: Readonly<{ server: ServerInfo | undefined }>) {
  const [theme, setTheme] = useState(storedTheme)
  useEffect(() => {
    document.documentElement.dataset.theme = theme
  }, [theme])
  return (
    <header>
      <h1>
        rxargs <span>playground</span>
      </h1>
      <p class="models">
        {server && (
          <>
            <span>{server.lm}</span>
            {server.rewards.map((name) => (
              <span key={name}> · {name}</span>
            ))}
          </>
        )}
      </p>
      <label class="theme">
        Theme
        <select
          value={theme}
          onChange={({ currentTarget: { value } }) => {
            const chosen = themes.find((one) => one === value) ?? 'system'
            store(chosen)
            setTheme(chosen)
          }}
        >
          {themes.map((one) => (
            <option key={one} value={one}>
              {one[0]?.toUpperCase() + one.slice(1)}
            </option>
          ))}
        </select>
      </label>
    </header>
  )
}

export const Introduction = () => (
  <p class="lede">
    A language model writes one token at a time. Greedy decoding takes the likeliest. ARGS first asks a reward model how good the
    reply would be with each of the k likeliest, and takes the highest <b>logit + weight × reward</b>. Neither model is trained.{' '}
    <a href="https://arxiv.org/abs/2402.01694">The paper</a>
  </p>
)
