// Knows: which of many seeds growth may use.
import type { SeedId } from '../../domain/id.ts'
import { makeRng, shuffle } from '../../domain/rng.ts'
import type { Shot } from './growth.ts'

/** Max seeds from which growth draws its examples; a random sample of more. All seeds count for novelty. */
const MAX_SHOWN = 5000

/** The seeds that growth may use as examples. The sample does not depend on the order in which storage returns them. */
export const sampleShown = <Seed extends Shot<SeedId>>(
  seeds: readonly Seed[],
  rngSeed: number,
): readonly Seed[] =>
  seeds.length <= MAX_SHOWN
    ? seeds
    : shuffle(
        seeds.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
        makeRng(`${rngSeed}/shown seeds`),
      ).slice(0, MAX_SHOWN)
