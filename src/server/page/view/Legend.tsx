import { type ColourScale, REACH } from '../state/colour.js'
import type { RewardSetting } from '../state/settings.js'
import { figure } from './format.js'

const levels = Array.from({ length: 2 * REACH + 1 }, (_, index) => index - REACH)

/** What colours and underlines mean. */
export function Legend({ scale, rewards }: Readonly<{ scale: ColourScale; rewards: readonly RewardSetting[] }>) {
  const { middle, reach } = scale
  const what = rewards.length > 1 ? 'Weighted reward' : 'Reward'
  return (
    <div class="legend">
      <p>
        {what} of the reply up to each token
        <span class="scale" aria-hidden="true">
          {figure(middle - reach)}
          <span>
            {levels.map((level) => (
              <i key={level} data-level={level} />
            ))}
          </span>
          {figure(middle + reach)}
        </span>
      </p>
      <p>
        <span class="token overruled">underlined</span> the reward overruled the likeliest token
      </p>
    </div>
  )
}
