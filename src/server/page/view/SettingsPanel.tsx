import type { ServerInfo } from '../state/serverInfo.js'
import { controlsOf, type PageSettings } from '../state/settings.js'
import { NumberField } from './NumberField.js'
import { RewardList } from './RewardList.js'

export type SettingsPanelProps = Readonly<{
  settings: PageSettings
  server: ServerInfo | undefined
  change: (change: Partial<PageSettings>) => void
}>

/** How the guided reply is decoded. */
export function SettingsPanel({ settings, server, change }: SettingsPanelProps) {
  const { decoder, k, temperature, maxTokens, seed, rewards } = settings
  const chosen = server?.decoders.find(({ name }) => name === decoder)
  const reads = server === undefined ? { k: true, weight: true, temperature: true } : controlsOf(chosen)
  return (
    <aside class="settings" aria-labelledby="settings">
      <h2 id="settings">Settings</h2>
      <RewardList {...{ rewards, server }} hasWeight={reads.weight} onChange={(changed) => change({ rewards: changed })} />
      <label class="field">
        <span>Decoder</span>
        <select value={decoder} onChange={({ currentTarget }) => change({ decoder: currentTarget.value })}>
          {(server?.decoders ?? [{ name: decoder }]).map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {chosen && <p class="about">{chosen.about}</p>}
      <div class="grid">
        <NumberField
          name="k"
          hint="candidates a step"
          value={k}
          min={1}
          max={server?.maxCandidates ?? 256}
          step={1}
          disabled={!reads.k}
          onChange={(value) => change({ k: value })}
        />
        <NumberField
          name="Temperature"
          hint="0 takes the best"
          value={temperature}
          min={0}
          max={100}
          step={0.1}
          disabled={!reads.temperature}
          onChange={(value) => change({ temperature: value })}
        />
        <NumberField name="Max tokens" value={maxTokens} min={1} step={1} onChange={(value) => change({ maxTokens: value })} />
        <NumberField name="Seed" value={seed} min={0} step={1} onChange={(value) => change({ seed: value })} />
      </div>
    </aside>
  )
}
