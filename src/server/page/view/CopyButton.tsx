import { useEffect, useState } from 'preact/hooks'

/** Copies a text, and says whether it did: a browser gives no clipboard to a page that came over plain HTTP from another machine. */
export function CopyButton({ name, text, disabled = false }: Readonly<{ name: string; text: () => string; disabled?: boolean }>) {
  const [said, setSaid] = useState('')
  useEffect(() => {
    const late = setTimeout(() => setSaid(''), 2000)
    return () => clearTimeout(late)
  }, [said])
  const copy = async (): Promise<void> => {
    const copied = text()
    try {
      await navigator.clipboard.writeText(copied)
      setSaid('Copied')
    } catch {
      setSaid('The browser refused')
    }
  }
  return (
    <button type="button" disabled={disabled} onClick={() => void copy()}>
      {name}
      <span class="said" role="status">
        {said}
      </span>
    </button>
  )
}
