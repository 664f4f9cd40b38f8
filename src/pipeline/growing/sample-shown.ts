// Knows: which of many seeds, or prompts of earlier grow steps, growth may use.
import { makeRng, shuffle } from '../../domain/rng.ts'
import { compareSources, type Source } from './growth.ts'

/** Max seeds from which growth draws its examples; a random sample of more. All seeds count for novelty. */
const MAX_SHOWN = 5000

/** The seeds that growth may use as examples. The sample does not depend on the order in which storage returns them. */
export const sampleShown = (seeds: readonly Source[], rngSeed: number | string): readonly Source[] =>
  seeds.length <= MAX_SHOWN
    ? seeds
    : shuffle(seeds.toSorted(compareSources), makeRng(`${rngSeed}/shown seeds`)).slice(0, MAX_SHOWN)
