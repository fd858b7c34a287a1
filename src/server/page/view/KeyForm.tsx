import { useState } from 'preact/hooks'

/** Asks for an API key. It stays in this page's memory: never in its link, nor in the browser's storage. */
export function KeyForm({ onKey }: Readonly<{ onKey: (key: string) => void }>) {
  const [key, setKey] = useState('')
  return (
    <form
      class="notice ask"
      onSubmit={(event) => {
        event.preventDefault()
        onKey(key)
      }}
    >
      <label>
        This server asks for an API key
        <input type="password" autocomplete="off" value={key} onInput={({ currentTarget }) => setKey(currentTarget.value)} />
      </label>
      <button type="submit">Use key</button>
    </form>
  )
}
