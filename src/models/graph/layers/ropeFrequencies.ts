import type { Rope } from '../../checkpoint/families/rope.js'
import type { RopeScaling } from '../../checkpoint/families/ropeScaling.js'

/** Rounds like the reference's fp32. At position 10,000 the last bit of a frequency changes the fourth digit. */
const { fround } = Math

type Scaling<T extends RopeScaling['type']> = Extract<RopeScaling, { type: T }>

/**
 * Angle per position of each rotated pair: `theta^(-2i / rotaryDim)`, scaled by `ropeScaling`. For LongRoPE: the frequencies of short sequences.
 * Float32[rotaryDim / 2].
 *
 * @see transformers 5 modeling_rope_utils.py `ROPE_INIT_FUNCTIONS`
 */
export function ropeFrequencies({ ropeTheta, ropeScaling: scaling, rotaryDim }: Rope): Float32Array {
  const wavelengths = Float32Array.from({ length: rotaryDim / 2 }, (_, pair) => ropeTheta ** fround((2 * pair) / rotaryDim))
  const plain = () => wavelengths.map((wavelength) => 1 / wavelength)
  switch (scaling.type) {
    case 'none':
      return plain()
    case 'linear':
      return plain().map((frequency) => frequency / scaling.factor)
    case 'llama3':
      return plain().map((frequency) => llama3(frequency, scaling))
    case 'yarn':
      return yarn(wavelengths, scaling, ropeTheta)
    case 'longrope':
      return divided(wavelengths, scaling.shortFactor)
  }
}

/** LongRoPE's frequencies of sequences longer than in pretraining. Undefined for any other scaling. */
export function longropeFrequencies(rope: Rope): Float32Array | undefined {
  const { ropeScaling: scaling } = rope
  if (scaling.type !== 'longrope') return undefined
  return ropeFrequencies({ ...rope, ropeScaling: { ...scaling, shortFactor: scaling.longFactor } })
}

const divided = (wavelengths: Float32Array, factors: readonly number[]) =>
  wavelengths.map((wavelength, pair) => 1 / fround(fround(factors[pair]!) * wavelength))

function llama3(frequency: number, scaling: Scaling<'llama3'>): number {
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings } = scaling
  const wavelength = fround((2 * Math.PI) / frequency)
  if (wavelength < originalMaxPositionEmbeddings / highFreqFactor) return frequency
  if (wavelength > originalMaxPositionEmbeddings / lowFreqFactor) return fround(frequency / factor)
  const smooth = fround(
    fround(fround(originalMaxPositionEmbeddings / wavelength) - lowFreqFactor) / (highFreqFactor - lowFreqFactor),
  )
  return fround(fround(fround(fround(1 - smooth) * frequency) / factor) + fround(smooth * frequency))
}

/** Keeps pairs that turn often within the pretraining context, slows down pairs that turn seldom, and ramps between the two. */
function yarn(wavelengths: Float32Array, scaling: Scaling<'yarn'>, theta: number): Float32Array {
  const { factor, betaFast, betaSlow, truncate, originalMaxPositionEmbeddings } = scaling
  const dim = 2 * wavelengths.length
  const pairThatTurns = (times: number) =>
    (dim * Math.log(originalMaxPositionEmbeddings / (times * 2 * Math.PI))) / (2 * Math.log(theta))
  const [fast, slow] = [pairThatTurns(betaFast), pairThatTurns(betaSlow)]
  const low = Math.max(truncate ? Math.floor(fast) : fast, 0)
  const high = Math.min(truncate ? Math.ceil(slow) : slow, dim - 1)
  const width = low === high ? 0.001 : high - low
  return wavelengths.map((wavelength, pair) => {
    const ramp = Math.min(1, Math.max(0, fround(fround(pair - low) / width)))
    const kept = fround(1 - ramp)
    const slowed = fround(1 / fround(factor * wavelength))
    return fround(slowed * fround(1 - kept)) + fround(fround(1 / wavelength) * kept)
  })
}
