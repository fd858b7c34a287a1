import { useState } from 'preact/hooks'
import { type ChatMessage, type PageSettings, roles } from '../state/settings.js'
import { fragmentOf } from '../state/share.js'
import { CopyButton } from './CopyButton.js'

export type ComposerProps = Readonly<{
  settings: PageSettings
  running: boolean
  canUndo: boolean
  /** Why Run refused. */
  problem: string | undefined
  change: (change: Partial<PageSettings>) => void
  run: () => void
  stop: () => void
  undo: () => void
}>

/** Where a prompt or a chat is written, and the buttons that run it. */
export function Composer({ settings, running, canUndo, problem, change, run, stop, undo }: ComposerProps) {
  const { mode, prompt } = settings
  const link = (): string => {
    const fragment = fragmentOf(settings)
    history.replaceState(null, '', fragment)
    return location.href
  }
  return (
    <section class="composer" aria-labelledby="composer">
      <div class="bar">
        <h2 id="composer">{mode === 'chat' ? 'Chat' : 'Prompt'}</h2>
        <fieldset class="modes">
          <legend class="visually-hidden">Kind of prompt</legend>
          {(['chat', 'prompt'] as const).map((one) => (
            <label key={one}>
              <input type="radio" name="mode" checked={mode === one} onChange={() => change({ mode: one })} />
              {one === 'chat' ? 'Chat' : 'Plain prompt'}
            </label>
          ))}
        </fieldset>
      </div>
      {mode === 'chat' ? (
        <Messages messages={settings.messages} onChange={(messages) => change({ messages })} />
      ) : (
        <textarea
          aria-label="Prompt"
          rows={3}
          value={prompt}
          placeholder="Text that the language model continues"
          onInput={({ currentTarget }) => change({ prompt: currentTarget.value })}
        />
      )}
      <div class="bar actions">
        {running ? (
          <button type="button" class="primary" onClick={stop}>
            Stop <kbd>Esc</kbd>
          </button>
        ) : (
          <button type="button" class="primary" onClick={run}>
            Run <kbd>Ctrl ↵</kbd>
          </button>
        )}
        <button type="button" disabled={!canUndo} onClick={undo}>
          Undo
        </button>
        <CopyButton name="Copy link" text={link} />
      </div>
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </section>
  )
}

function Messages({
  messages,
  onChange,
}: Readonly<{ messages: readonly ChatMessage[]; onChange: (messages: readonly ChatMessage[]) => void }>) {
  const [added, setAdded] = useState(false)
  const replace = (index: number, change: Partial<ChatMessage>): void =>
    onChange(messages.map((message, at) => (at === index ? { ...message, ...change } : message)))
  const add = (): void => {
    setAdded(true)
    onChange([...messages, { role: messages.at(-1)?.role === 'user' ? 'assistant' : 'user', content: '' }])
  }
  return (
    <>
      {messages.map(({ role, content }, index) => (
        <div class="message" key={index}>
          <select
            aria-label={`Role of message ${index + 1}`}
            value={role}
            onChange={({ currentTarget: { value } }) => replace(index, { role: roles.find((one) => one === value) ?? 'user' })}
          >
            {roles.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
          <textarea
            aria-label={`Message ${index + 1}`}
            rows={Math.min(8, Math.max(1, content.split('\n').length))}
            value={content}
            ref={(field) => {
              if (!added || field === null || index !== messages.length - 1) return
              field.focus()
              setAdded(false)
            }}
            onInput={({ currentTarget }) => replace(index, { content: currentTarget.value })}
          />
          {messages.length > 1 && (
            <button
              type="button"
              class="plain"
              aria-label={`Remove message ${index + 1}`}
              onClick={() => onChange(messages.filter((_, at) => at !== index))}
            >
              ×
            </button>
          )}
        </div>
      ))}
      <button type="button" class="plain" onClick={add}>
        + Add a message
      </button>
    </>
  )
}
