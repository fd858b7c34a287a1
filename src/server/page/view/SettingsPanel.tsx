import type { ServerInfo } from '../state/serverInfo.js'
import { controlsOf, labelOf, optionsOf, type PageSettings, rangeOfK, ranges } from '../state/settings.js'
import { NumberField } from './NumberField.js'
import { OptionField } from './OptionField.js'
import { RewardList } from './RewardList.js'

export type SettingsPanelProps = Readonly<{
  settings: PageSettings
  server: ServerInfo | undefined
  change: (change: Partial<PageSettings>) => void
}>

/** How the guided reply is decoded. */
export function SettingsPanel({ settings, server, change }: SettingsPanelProps) {
  const { decoder, k, temperature, maxTokens, seed, rewards, options } = settings
  const chosen = server?.decoders.find(({ name }) => name === decoder)
  const reads = controlsOf(chosen)
  return (
    <aside class="settings" aria-labelledby="settings">
      <h2 id="settings">Settings</h2>
      <RewardList {...{ rewards, server }} hasWeight={reads.weight} onChange={(changed) => change({ rewards: changed })} />
      <label class="field choice">
        <span>Decoder</span>
        <select value={decoder} onChange={({ currentTarget }) => change({ decoder: currentTarget.value, options: {} })}>
          {(server?.decoders ?? [{ name: decoder, unavailable: undefined }]).map(({ name, unavailable }) => (
            <option key={name} value={name} disabled={unavailable !== undefined} title={unavailable}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {chosen && <p class="about">{chosen.about}</p>}
      <div class="grid">
        <NumberField
          name="k"
          hint={reads.k ? 'candidates a step' : 'candidates of Greedy'}
          value={k}
          range={rangeOfK(server)}
          onChange={(value) => change({ k: value })}
        />
        {reads.temperature && (
          <NumberField
            name="Temperature"
            hint={reads.ownTemperature === undefined ? '0 takes the best' : `0 leaves it at ${reads.ownTemperature}`}
            value={temperature}
            range={ranges.temperature}
            onChange={(value) => change({ temperature: value })}
          />
        )}
        {optionsOf(chosen).map(([name, schema]) => (
          <OptionField
            key={`${decoder} ${name}`}
            name={labelOf(name)}
            schema={schema}
            value={options[name] ?? schema.default}
            onChange={(value) => change({ options: { ...options, [name]: value } })}
          />
        ))}
        <NumberField
          name="Max tokens"
          value={maxTokens}
          range={ranges.maxTokens}
          onChange={(value) => change({ maxTokens: value })}
        />
        <NumberField name="Seed" value={seed} range={ranges.seed} onChange={(value) => change({ seed: value })} />
      </div>
    </aside>
  )
}
