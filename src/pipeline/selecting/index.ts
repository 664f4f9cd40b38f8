// Knows: the members of the keep family.
import type { KeepMember } from './selection.ts'
import { pair } from './pair.ts'
import { pairPreferred } from './pair-preferred.ts'
import { pairRevised } from './pair-revised.ts'
import { threshold } from './threshold.ts'
import { top } from './top.ts'

export const keepMembers: readonly KeepMember[] = [threshold, top, pair, pairPreferred, pairRevised]

/** The keep step of this name. */
export const findKeep = (name: string): KeepMember | undefined =>
  keepMembers.find((member) => member.name === name)
